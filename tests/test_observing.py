"""Who is told of a run: real listeners on the loopback interface and real files, with the format's own readers."""

from __future__ import annotations

import argparse
import json
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import pytest

from tamis.classifiers.errors import TamisError, UsageError
from tamis.pipeline import cli, lineage, observing

parser_of = pytest.importorskip("prometheus_client.parser", reason="pip install 'tamis[ops]'")
pytest.importorskip("openlineage.client", reason="pip install 'tamis[ops]'")

ROOT = Path(__file__).resolve().parent.parent


class _Listener(BaseHTTPRequestHandler):
    def __init__(self, got, statuses, *arguments):
        self.got, self.statuses = got, statuses
        super().__init__(*arguments)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.path, json.loads(body)))
        self.send_response(self.statuses.pop(0) if self.statuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def listening(serving):
    """Starts a listener; returns its URL, and what it got."""

    def listen(statuses=()):
        got = []
        return f"http://{serving(partial(_Listener, got, list(statuses)))}", got

    return listen


@pytest.fixture
def plan(tmp_path):
    text = (
        (ROOT / "scripts" / "demo_plan.yaml").read_text().replace("scripts/demo_corpus", f"{ROOT}/scripts/demo_corpus")
    )
    path = tmp_path / "plan.yaml"
    path.write_text(text.replace("out/demo", str(tmp_path / "out")))
    return path


def samples(path):
    """Returns the samples of a metrics file, by name and labels, as Prometheus reads them."""
    families = parser_of.text_string_to_metric_families(path.read_text())
    return {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}


def value(found, name, **labels):
    return found[(name, *sorted({"plan": "demo", **labels}.items()))]


def test_a_run_a_refusal_and_nothing_to_do_are_told_to_all(plan, tmp_path, listening, capsys):
    hook, posted = listening()
    service, events = listening()
    told = [f"--metrics={tmp_path}/tamis.prom", f"--lineage={service}", f"--webhook={hook}/secret-path"]
    assert cli.main(["run", str(plan), *told]) == 0
    out, err = capsys.readouterr()
    status = json.loads(out)
    found = samples(tmp_path / "tamis.prom")
    assert value(found, "tamis_run_status", status="published") == 1
    assert value(found, "tamis_run_status", status="failed") == 0
    for name, count in status["counts"].items():
        if name in ("seen", "kept", "dropped", "quarantined"):
            assert value(found, "tamis_documents", outcome=name) == count
    low, middle, high = (
        value(found, "tamis_prevalence_ratio", category="any", when="before", bound=bound)
        for bound in ("low", "value", "high")
    )
    assert 0 < low < middle < high < 1
    assert value(found, "tamis_gate_passed", condition="max_drop_rate") == 1
    ((path, message),) = posted
    assert path == "/secret-path"
    assert (message["status"], message["run_id"]) == ("published", status["run_id"])
    assert message["counts"]["seen"] == status["counts"]["seen"]
    assert [event["eventType"] for _, event in events] == ["START", "COMPLETE"]
    assert len({event["run"]["runId"] for _, event in events}) == 1
    final = events[-1][1]
    assert final["inputs"][0]["inputFacets"]["inputStatistics"]["rowCount"] == status["counts"]["seen"]
    assert final["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == status["counts"]["kept"]
    assert "secret-path" not in out + err

    assert cli.main(["refresh", str(plan), *told]) == 0
    assert value(samples(tmp_path / "tamis.prom"), "tamis_run_status", status="unchanged") == 1
    assert posted[-1][1]["status"] == "unchanged"

    plan.write_text(plan.read_text().replace("max_drop_rate: 0.35", "max_drop_rate: 0.001"))
    assert cli.main(["run", str(plan), *told]) == 3
    assert value(samples(tmp_path / "tamis.prom"), "tamis_gate_passed", condition="max_drop_rate") == 0
    assert posted[-1][1]["status"] == "refused"
    assert "drop" in posted[-1][1]["text"]
    assert events[-1][1]["run"]["facets"]["errorMessage"]["message"] == posted[-1][1]["text"]


def test_a_failed_run_is_told_and_its_exit_code_stays(plan, tmp_path, listening):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "cut.jsonl.gz").write_bytes(bytes.fromhex("1f8b0800000000000203"))
    hook, posted = listening()
    given = [f"--input={tmp_path}/corpus", f"--webhook={hook}", f"--lineage={tmp_path}/events.jsonl"]
    assert cli.main(["run", str(plan), *given]) == 1
    assert posted[-1][1]["status"] == "failed"
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["eventType"] for event in events] == ["START", "FAIL"]


_Spec = SimpleNamespace(run_id="0" * 16, plan=SimpleNamespace(name="p", output="out"))


def _ending():
    return observing.Ending("failed", _Spec, 1.0)


def _made(option, value):
    return observing._observers(argparse.Namespace(**{option: value}))[0]


def test_a_webhook_that_fails_twice_is_asked_three_times(listening):
    hook, posted = listening([500, 503])
    _made("webhook", hook).ended(_ending())
    assert len(posted) == 3


def test_a_webhook_that_refuses_is_a_warning_without_its_url(listening, capsys):
    hook, posted = listening([403])
    with pytest.raises(TamisError, match="did not take the message") as caught:
        _made("webhook", f"{hook}/secret").ended(_ending())
    assert "secret" not in str(caught.value)
    assert len(posted) == 1
    hook, _ = listening([403])
    observing._tell(_made("webhook", f"{hook}/secret"), _ending())
    assert capsys.readouterr().err.startswith("warning: Webhook: ")


@pytest.mark.parametrize(
    ("option", "wrong", "message"),
    [
        ("metrics", "/no/such/folder/f.prom", "no folder /no/such/folder"),
        ("lineage", "/no/such/folder/events", "no folder /no/such/folder"),
        ("webhook", "ftp://host/x", "not an http"),
        ("webhook", "env", "TAMIS_WEBHOOK is not set"),
    ],
)
def test_a_wrong_option_is_a_mistake_before_the_run(option, wrong, message, monkeypatch):
    monkeypatch.delenv("TAMIS_WEBHOOK", raising=False)
    with pytest.raises(UsageError, match=message):
        _made(option, wrong).started(_Spec)


@pytest.mark.parametrize(
    ("root", "named"),
    [
        ("gs://bucket/web", ("gs://bucket", "web/runs/1")),
        ("s3://bucket", ("s3://bucket", "runs/1")),
        ("/data/web", ("file", "/data/web/runs/1")),
    ],
)
def test_data_sets_have_the_standards_names(root, named):
    assert lineage.dataset(root, "runs/1") == named
