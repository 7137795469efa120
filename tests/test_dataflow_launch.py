"""A launch on Dataflow, as far as it goes without a cloud: a service on the loopback interface takes the job that the
SDK sends, the bucket is an emulator, and the pipeline that was staged in it is then executed by a local runner.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tamis.pipeline import cli, manifest, versions
from tamis.pipeline.storage import open_store

dataflow = pytest.importorskip("google.cloud.dataflow", reason="pip install 'tamis[dataflow]'")

ROOT = Path(__file__).resolve().parent.parent
IMAGE = "us-docker.pkg.dev/project/images/tamis:0.1.0"
SECRETS = {"AWS_SECRET_ACCESS_KEY": "canary-aws-secret", "HF_TOKEN": "canary-hf-token"}
TEXT = "An ordinary sentence about the weather."
STEPS = ("Plan", "ListShards", "Distribute", "FilterShard", "MergeReceipts", "Publish")
#: Dataflow's limit for the description of a job, in bytes.
LIMIT = 10 << 20
AUTOSCALING_ALGORITHM_BASIC = 2
HERE = versions.here()
PLAN = """
name: launch
corpus: {root: "ROOT", shards: "**/*.jsonl*", fields: {id: id, text: text, source: source, url: metadata.url}}
classifiers: {policy: builtin:policy-en}
evaluator: builtin:evaluator-en
interventions:
  drop: [{when: "any >= precision(0.5)", do: drop}]
publish: drop
gate: {max_drop_rate: 1, max_quarantine: 0.05}
output: "OUTPUT"
"""


def execute(root):
    """Returns what runs a staged pipeline in this process, as a worker would: from the bucket alone."""

    def run(job):
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.portability import python_urns
        from apache_beam.runners.portability.fn_api_runner import FnApiRunner

        from tamis.pipeline import job as jobs

        # What the launcher has loaded is not there on a worker.
        jobs._benches.clear()
        pipeline = parsed(job, root)
        for environment in pipeline.components.environments.values():
            environment.urn, environment.payload = python_urns.EMBEDDED_PYTHON, b""
            del environment.dependencies[:]
        FnApiRunner().run_via_runner_api(pipeline, PipelineOptions([])).wait_until_finish()

    return run


def staged(job, root):
    """Returns the serialised pipeline that a job request names."""
    url = job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]
    assert url.startswith(f"{root}/tmp/")
    return open_store(root).read(url.removeprefix(f"{root}/"))


def parsed(job, root):
    from apache_beam.portability.api import beam_runner_api_pb2 as proto

    return proto.Pipeline.FromString(staged(job, root))


@pytest.fixture
def launch(connected, dataflow_service, tmp_path, monkeypatch, capsys):
    """Launches a plan over a corpus of some shards; returns the root, the exit code, the JSON line and stderr."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)

    def launched(shards, *flags, runs=True):
        root = f"gs://{connected('gs').bucket}/{os.urandom(6).hex()}"
        for number in range(shards):
            rows = [json.dumps({"id": f"{number}-{row}", "text": TEXT}) for row in range(3)]
            open_store(root).write(f"in/shard-{number:06}.jsonl", ("\n".join(rows) + "\n").encode())
        (tmp_path / "plan.yaml").write_text(PLAN.replace("ROOT", f"{root}/in").replace("OUTPUT", f"{root}/out"))
        dataflow_service.execute = execute(root) if runs else lambda job: None
        return root, *again(root, *flags)

    def again(root, *flags):
        given = ["--runner=DataflowRunner", "--project=p", "--region=us-central1", f"--temp_location={root}/tmp"]
        given += [f"--sdk_container_image={IMAGE}", f"--dataflow_endpoint=http://{dataflow_service.address}"]
        code = cli.main(["run", str(tmp_path / "plan.yaml"), *given, "--no_auth", *flags])
        out, err = capsys.readouterr()
        return code, json.loads(out or "{}"), err

    launched.again = again
    launched.plan = tmp_path / "plan.yaml"
    return launched


def sent(root, job):
    """Returns everything that went out: the request, and every object that was staged."""
    store = open_store(root)
    return json.dumps(job).encode() + b"".join(store.read(name) for name in store.names("tmp"))


def test_what_was_staged_runs_elsewhere_and_gives_what_a_local_run_gives(launch, dataflow_service):
    root, code, status, _ = launch(3)
    assert (code, status["status"], status["counts"]["seen"]) == (0, "published", 9)
    assert cli.main(["run", str(launch.plan), f"--output={root}/local"]) == 0
    store = open_store(root)
    found = {name.partition("/")[2]: store.read(name) for name in store.names("out")}
    assert found == {name.partition("/")[2]: store.read(name) for name in store.names("local")}
    assert len(found) > 10


def test_the_job_says_image_threads_scaling_and_which_run_it_is(launch, dataflow_service):
    root, _, status, _ = launch(2, "--no_wait_until_finish", runs=False)
    job = dataflow_service.jobs[-1]
    (pool,) = job["environment"]["workerPools"]
    assert job["name"] == f"tamis-{status['run_id']}"
    assert pool["workerHarnessContainerImage"] == IMAGE
    assert [image["containerImage"] for image in pool["sdkHarnessContainerImages"]] == [IMAGE]
    assert pool["numThreadsPerWorker"] == 1
    assert pool["sdkHarnessContainerImages"][0]["useSingleCorePerContainer"] is True
    assert pool["autoscalingSettings"]["algorithm"] == AUTOSCALING_ALGORITHM_BASIC
    names = {item.unique_name for item in parsed(job, root).components.transforms.values()}
    assert {f"FilterCorpus/{step}" for step in STEPS} <= names


def test_the_graph_holds_no_shard_and_does_not_grow_with_the_corpus(launch, dataflow_service):
    sizes = []
    for shards in (2, 60):
        root, code, _, _ = launch(shards, "--no_wait_until_finish", runs=False)
        graph = staged(dataflow_service.jobs[-1], root)
        assert code == 0
        assert b"shard-0" not in graph
        sizes.append(len(graph))
    assert max(sizes) < LIMIT
    # What differs is the number of digits of some counts, and how well the two compress.
    assert abs(sizes[0] - sizes[1]) < 2000, sizes


def test_no_secret_and_no_text_is_sent(launch, dataflow_service):
    root, _, _, _ = launch(2, "--no_wait_until_finish", runs=False)
    everything = sent(root, dataflow_service.jobs[-1])
    assert b"tamis" in everything
    for word in (*SECRETS.values(), TEXT):
        assert word.encode() not in everything


def test_a_launch_that_does_not_wait_says_submitted(launch):
    _, code, status, err = launch(1, "--no_wait_until_finish", runs=False)
    assert (code, status["status"]) == (0, "submitted")
    assert "manifest" in err


def test_a_worker_with_another_version_fails_the_job_with_both_sides_named(launch, monkeypatch, dataflow_service):
    run = execute

    def otherwise(root):
        def worker(job):
            with monkeypatch.context() as patch:
                patch.setattr(versions, "here", lambda: {**HERE, "numpy": "0.1"})
                run(root)(job)

        return worker

    monkeypatch.setitem(globals(), "execute", otherwise)
    root, code, _, err = launch(2)
    assert code == 1
    assert f"numpy {HERE['numpy']} there, 0.1 here" in err
    assert "Traceback" not in err
    assert manifest.CURRENT not in open_store(f"{root}/out").names("")


def test_a_second_launch_of_an_active_run_exits_4(launch, dataflow_service):
    root, _, _, _ = launch(1, "--no_wait_until_finish", runs=False)
    dataflow_service.active = True
    code, _, err = launch.again(root)
    assert code == 4
    assert "active already" in err
