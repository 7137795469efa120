"""The schedules: each is run, or read by the tool that would read it, as far as it is installed here."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tamis.pipeline import cli, exits, runners

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "scripts" / "schedules"
STATUS = '{"status": "published", "run_id": "0", "output": "out"}'
slow = pytest.mark.skipif(not os.environ.get("TAMIS_SLOW"), reason="installs tools from PyPI: set TAMIS_SLOW=1")


@pytest.fixture
def fake(tmp_path):
    """Puts a `tamis` on PATH that ends with a given exit code and notes its arguments."""

    def made(code):
        script = tmp_path / "bin" / "tamis"
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!/bin/sh\necho \"$@\" >{tmp_path}/arguments\necho '{STATUS}'\nexit {code}\n")
        script.chmod(0o755)
        return {**os.environ, "PATH": f"{script.parent}:{os.environ['PATH']}"}

    made.arguments = lambda: (tmp_path / "arguments").read_text().split()
    return made


def understood(words):
    """Parses a command line of tamis as tamis does; returns its options."""
    options, flags = cli.parser(words[0]).parse_known_args(words)
    runners.check_flags(flags)
    return options


def exit_codes():
    return {exits.FAILED: "failed", exits.USAGE: "usage", exits.REFUSED: "refused", exits.LOST: "lost"}


def test_the_cron_job_runs_a_command_that_tamis_understands():
    job = yaml.safe_load((FOLDER / "cronjob.yaml").read_text())
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"][0] == "tamis"
    assert understood(container["command"][1:]).plan.startswith("gs://")
    assert job["spec"]["concurrencyPolicy"] == "Forbid"


def test_the_cron_job_tries_again_only_where_that_helps():
    job = yaml.safe_load((FOLDER / "cronjob.yaml").read_text())["spec"]["jobTemplate"]["spec"]
    rule = job["podFailurePolicy"]["rules"][0]
    assert rule["action"] == "FailJob"
    assert set(rule["onExitCodes"]["values"]) == set(exit_codes()) - {exits.FAILED}
    # A policy for pods that fail needs pods that are not started again in place.
    assert job["template"]["spec"]["restartPolicy"] == "Never"


def unit(name):
    """Returns the settings of a unit file, by key."""
    lines = (FOLDER / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_the_unit_runs_a_command_that_tamis_understands_and_knows_its_exit_codes():
    found = unit("tamis-refresh.service")
    assert understood(shlex.split(found["ExecStart"])[1:]).metrics.endswith(".prom")
    assert found["SuccessExitStatus"].split() == [str(exits.REFUSED), str(exits.LOST)]
    assert found["RestartPreventExitStatus"] == str(exits.USAGE)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_reads_the_units(tmp_path):
    for name in ("tamis-refresh.service", "tamis-refresh.timer"):
        # A command that exists on every machine: what it is, is tested above.
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", (FOLDER / name).read_text(), flags=re.MULTILINE)
        (tmp_path / name).write_text(text)
    units = [str(tmp_path / name) for name in ("tamis-refresh.service", "tamis-refresh.timer")]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    told = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "tamis" in line]
    assert (done.returncode, told) == (0, [])


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (1, 1), (2, 2), (3, 0), (4, 0)])
def test_cron_mails_only_what_a_person_must_repair(code, ends, fake, tmp_path):
    (line,) = [line for line in (FOLDER / "crontab").read_text().splitlines() if re.match(r"\d", line)]
    assert "%" not in line, "cron ends the command there"
    command = line.split(None, 5)[5].replace("/var/log", str(tmp_path)).replace("/var/lock", str(tmp_path))
    done = subprocess.run(["sh", "-c", command], env=fake(code), capture_output=True, text=True)
    assert done.returncode == ends
    assert understood(fake.arguments()).plan == "/etc/tamis/plan.yaml"


@pytest.mark.parametrize(
    ("code", "ends", "told"),
    [(0, 0, ""), (1, 1, ""), (2, 2, ""), (3, 3, "::error::refused"), (4, 0, "::notice::another run")],
)
@pytest.mark.parametrize("partition", ["", "2026-11-23"])
def test_the_workflows_step_passes_exit_codes_on(code, ends, told, partition, fake, tmp_path):
    steps = yaml.safe_load((FOLDER / "workflow.yml").read_text())["jobs"]["refresh"]["steps"]
    (step,) = [step for step in steps if step.get("name") == "Refresh"]
    environment = {**fake(code), "PARTITION": partition}
    # How the service runs a step.
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == ends
    assert told in done.stdout
    assert json.loads((tmp_path / "status.json").read_text())["status"] == "published"
    found = understood(fake.arguments()).partition
    assert found == [partition] if partition else re.fullmatch(r"\d{4}-\d\d-\d\d", found[0])


def tool(name):
    """Returns the Python of a tool's own environment."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import peering

    try:
        return peering.install(name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{name} could not be installed ({error.returncode}): a network is needed once")


@slow
def test_the_schemas_of_kubernetes_and_github_hold():
    folder = tool("check-jsonschema").parent
    for command in (
        [folder / "kubernetes-validate", "--strict", FOLDER / "cronjob.yaml"],
        [folder / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", FOLDER / "workflow.yml"],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


DAG_TEST = """
import sys
from datetime import datetime, timezone
sys.path.insert(0, sys.argv[1])
import airflow_dag
run = airflow_dag.tamis_refresh().test(logical_date=datetime(2026, 11, 23, tzinfo=timezone.utc))
(task,) = run.get_task_instances()
print("ENDED", run.state, task.state, (task.xcom_pull(task_ids="refresh") or {}).get("status"))
"""


@slow
def test_airflow_runs_the_dag(tmp_path, fake):
    python = tool("apache-airflow")
    home = {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    home["AIRFLOW__CORE__DAGS_FOLDER"] = str(FOLDER)
    subprocess.run([python.parent / "airflow", "db", "migrate"], env={**os.environ, **home}, check=True, timeout=300)
    shutil.copytree(ROOT / "scripts" / "demo_corpus", tmp_path / "in" / "2026-11-23")
    text = (ROOT / "scripts" / "demo_plan.yaml").read_text()
    text = text.replace("scripts/demo_corpus", f"{tmp_path}/in/{{partition}}")
    (tmp_path / "plan.yaml").write_text(text.replace("out/demo", f"{tmp_path}/out/{{partition}}"))

    def ended(environment):
        command = [python, "-c", DAG_TEST, FOLDER]
        given = {**environment, **home, "TAMIS_PLAN": str(tmp_path / "plan.yaml")}
        done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=300)
        return [line for line in done.stdout.splitlines() if line.startswith("ENDED")]

    real = {**os.environ, "TAMIS": str(ROOT / ".venv" / "bin" / "tamis")}
    assert ended(real) == ["ENDED success success published"]
    assert ended(real) == ["ENDED success success unchanged"]
    for code, state in [(2, "failed"), (3, "failed"), (4, "skipped")]:
        (line,) = ended(fake(code))
        assert line.split()[2] == state
    # A try again is waited for, here too: only that there would be one is seen.
    command = [python, "-c", "import sys; sys.path.insert(0, sys.argv[1]); import airflow_dag as d; d.concluded(1, {})"]
    done = subprocess.run([*command, FOLDER], env={**os.environ, **home}, capture_output=True, text=True)
    assert "AirflowException: exit code 1" in done.stderr
