"""An Airflow DAG that refreshes a filtered corpus every night, a partition a day. Airflow 3.

Put it into the DAG folder. `TAMIS` and `TAMIS_PLAN` in the workers' environment name the command (the one in a virtual
environment or image of its own; Airflow's Python needs no tamis) and the plan, whose roots hold `{partition}`.

The exit code decides: 0 done or nothing to do; 3 refused by the gate: a person must look, so no retry; 4 another run
published first: skipped; 1 failed: tried again, which does only what is missing; 2 a mistake in the plan: no retry.
The task returns tamis' own JSON line, for tasks that come after it.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

DONE, FAILED, USAGE, REFUSED, LOST = 0, 1, 2, 3, 4


def concluded(code: int, status: dict[str, Any]) -> dict[str, Any]:
    """Turns tamis' exit code into what Airflow does next."""
    if code == DONE:
        return status
    if code == LOST:
        raise AirflowSkipException("another run published first")
    if code == REFUSED:
        raise AirflowFailException(
            f"refused by the gate: tamis report {status.get('output')}/runs/{status.get('run_id')}"
        )
    if code == USAGE:
        raise AirflowFailException("a mistake in the plan or the command; the log says which")
    raise AirflowException(f"exit code {code}; the next try does what is missing")


@dag(
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    # Two of the same output would only race.
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
    tags=["tamis"],
)
def tamis_refresh() -> None:
    """Refreshes the partition of the day."""

    @task
    def refresh(ds: str | None = None) -> dict[str, Any]:
        command = [os.environ.get("TAMIS", "tamis"), "refresh", os.environ["TAMIS_PLAN"], f"--partition={ds}"]
        # stderr goes to the task's log as it comes.
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        status = json.loads(done.stdout) if done.stdout.strip() else {}
        return concluded(done.returncode, status)

    refresh()


tamis_refresh()
