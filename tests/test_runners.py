import msgspec
import pytest

from tamis.classifiers.errors import UsageError
from tamis.pipeline import plan as plans
from tamis.pipeline import runners

PLAN = """\
name: relative
corpus: {root: corpus, shards: "*.jsonl"}
classifiers: {policy: builtin:policy-en}
interventions: {drop: [{when: "hate >= 0.9", do: drop}]}
publish: drop
output: out
"""


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--runner=FlinkRunner", "--flink_master=localhost:8081"],
        ["--runner", "DataflowRunner", "--project=p", "--temp_location=gs://b/t", "--region", "r"],
        ["--direct_num_workers=3", "--environment_type=LOOPBACK"],
    ],
)
def test_beams_own_flags_pass(flags):
    runners.check_flags(flags)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--runer=x", "did you mean `--runner`?"),
        ("--outptu=x", "did you mean `--output`?"),
        ("--qqqq", "`tamis run --help` lists the flags"),
        ("stray", "is a flag of neither tamis nor Beam"),
    ],
)
def test_any_other_is_an_error_with_the_nearest(flag, message):
    with pytest.raises(UsageError) as error:
        runners.check_flags([flag])
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [("DataflowRuner", "did you mean `DataflowRunner`?"), ("flnkrunner", "FlinkRunner"), ("x", "known: ")],
)
def test_an_unknown_runner_is_an_error_with_the_nearest(name, message):
    with pytest.raises(UsageError) as error:
        runners.check_flags([f"--runner={name}"])
    assert message in str(error.value)


@pytest.mark.parametrize(
    "name",
    ["DataflowRunner", "dataflowrunner", "Dataflow", "apache_beam.runners.dataflow.dataflow_runner.DataflowRunner"],
)
def test_a_runner_is_checked_however_its_name_is_written(name):
    runners.check_flags([f"--runner={name}"])
    with pytest.raises(UsageError, match="DataflowRunner cannot run this"):
        runners.check_plan([f"--runner={name}"], plans.parse(PLAN))


def test_a_runner_of_the_users_own_is_left_to_beam():
    runners.check_flags(["--runner=mine.runners.Runner"])


@pytest.mark.parametrize(("flags", "expected"), [([], True), (["--runner=FlinkRunner"], False)])
def test_the_local_runner_is_the_default(flags, expected):
    assert runners.local(flags) is expected


def test_the_default_runner_is_named_and_downloads_nothing():
    options = runners._options(["--direct_num_workers=2"], 0).get_all_options()
    assert options["runner"] == "FnApiRunner"
    assert options["direct_running_mode"] == "multi_processing"


def test_a_small_corpus_is_not_shared_out(monkeypatch):
    monkeypatch.setattr(runners.os, "sched_getaffinity", lambda _: range(8))
    assert [runners.workers_for(size << 20) for size in (0, 63, 64, 200, 5000)] == [1, 1, 2, 4, 8]
    assert runners._options([], 0).get_all_options()["direct_running_mode"] == "in_memory"


@pytest.mark.parametrize(
    ("flags", "refused"),
    [
        (["--runner=FlinkRunner"], "`corpus.root` (corpus), `output` (out)"),
        (["--runner=PortableRunner", "--job_endpoint=localhost:1"], "give absolute paths"),
        (["--runner=PortableRunner", "--environment_type=LOOPBACK"], None),
        (["--runner=PrismRunner"], None),
        ([], None),
    ],
)
def test_relative_paths_are_refused_where_workers_are_elsewhere(flags, refused):
    plan = plans.parse(PLAN)
    if refused is None:
        return runners.check_plan(flags, plan)
    with pytest.raises(UsageError) as error:
        runners.check_plan(flags, plan)
    assert refused in str(error.value)
    absolute = msgspec.structs.replace(
        plan, output="s3://bucket/out", corpus=msgspec.structs.replace(plan.corpus, root="/corpus")
    )
    return runners.check_plan(flags, absolute)
