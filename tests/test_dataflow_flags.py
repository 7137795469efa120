"""What is checked before a job goes to Dataflow, and what is set for it."""

from __future__ import annotations

import pytest

from tamis.classifiers.errors import UsageError
from tamis.pipeline import plan as plans
from tamis.pipeline import runners

NEEDED = ["--project=p", "--region=r", "--temp_location=gs://b/tmp", "--sdk_container_image=image"]
PLAN = """
name: x
corpus: {root: ROOT}
classifiers: {policy: BUNDLE}
interventions: {a: [{when: "hate >= 0.5", do: drop}]}
output: OUTPUT
"""


def _plan(root: str = "gs://b/in", bundle: str = "builtin:policy-en", output: str = "gs://b/out") -> plans.Plan:
    return plans.parse(PLAN.replace("ROOT", root).replace("BUNDLE", bundle).replace("OUTPUT", output))


def _check(*flags: str, **changes: str) -> None:
    runners.check_plan(["--runner=DataflowRunner", *flags], _plan(**changes))


def test_a_complete_launch_passes() -> None:
    _check(*NEEDED)


@pytest.mark.parametrize("flag", NEEDED)
def test_a_missing_flag_is_named(flag: str) -> None:
    with pytest.raises(UsageError, match=f"{flag.partition('=')[0]} is missing"):
        _check(*(other for other in NEEDED if other != flag))


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("corpus.root", {"root": "/data/in"}),
        ("output", {"output": "out"}),
        ("classifiers.policy", {"bundle": "bundles/mine"}),
    ],
)
def test_a_folder_of_the_launcher_is_named(key: str, changes: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=rf"`{key}: .*this machine"):
        _check(*NEEDED, **changes)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(UsageError, match=r"--project.*--region.*corpus\.root.*output"):
        _check(root="/data/in", output="out")


def test_other_runners_are_not_asked() -> None:
    runners.check_plan(["--direct_num_workers=1"], _plan(root="/data/in"))


def test_a_bundle_by_url_is_fine() -> None:
    _check(*NEEDED, bundle="gs://b/bundles/mine")


def test_one_shard_a_process_unless_told_otherwise() -> None:
    options = runners._options(["--runner=DataflowRunner", *NEEDED], 0).get_all_options()
    assert options["number_of_worker_harness_threads"] == 1
    told = runners._options(["--runner=DataflowRunner", *NEEDED, "--number_of_worker_harness_threads=3"], 0)
    assert told.get_all_options()["number_of_worker_harness_threads"] == 3


def test_a_job_is_named_by_its_run_unless_told_otherwise() -> None:
    flags = ["--runner=DataflowRunner", *NEEDED]
    assert runners._options(flags, 0, "0123abcd").get_all_options()["job_name"] == "tamis-0123abcd"
    assert runners._options([*flags, "--job_name=mine"], 0, "0123abcd").get_all_options()["job_name"] == "mine"


def test_a_template_and_a_launch_that_does_not_wait_only_submit() -> None:
    assert runners.only_submits(["--runner=DataflowRunner", "--template_location=gs://b/t"])
    assert runners.only_submits(["--runner=DataflowRunner", "--no_wait_until_finish"])
    assert not runners.only_submits(["--runner=DataflowRunner"])
    assert not runners.only_submits([])
