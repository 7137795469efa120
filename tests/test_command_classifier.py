import io
import json
import sys
from types import SimpleNamespace

import pytest

from tamis.pipeline import cli


def run(capsys, monkeypatch, *arguments, stdin=b""):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(stdin)))
    code = cli.main(["classifier", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def rows(capfdbinary, monkeypatch):
    """Scores JSON Lines from stdin and returns the lines of stdout."""

    def score(*records, bundle="builtin:policy-en"):
        data = b"".join(json.dumps(record).encode() + b"\n" for record in records)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        assert cli.main(["classifier", "score", bundle]) == 0
        return [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]

    return score


def test_scores_are_a_line_a_record_in_order(rows):
    found = rows({"id": "a", "text": "The meeting is on Tuesday."}, {"id": 7, "text": "A recipe for bread and soup."})
    assert [row["id"] for row in found] == ["a", 7]
    assert set(found[0]["scores"]) == {"sexual", "hate", "harassment", "violence", "self_harm"}
    assert all(0 <= score <= 1 for row in found for score in row["scores"].values())


def test_what_cannot_be_scored_is_null_with_a_reason(rows):
    german = "Der Zug nach München fährt heute später ab, weil es auf der Strecke einen Schaden gibt."
    empty, foreign = rows({"text": "  "}, {"text": german})
    assert (empty["unscored"], foreign["unscored"]) == ("empty", "language")
    assert set(empty["scores"].values()) == set(foreign["scores"].values()) == {None}


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "message"),
    [
        (["score", "builtin:policy-em"], b"", 2, "did you mean `builtin:policy-en`?"),
        (["score", "nowhere"], b"", 2, "no bundle there"),
        (["score", "builtin:policy-en", "missing.jsonl"], b"", 2, "missing.jsonl: No such file"),
        (["score", "builtin:policy-en"], b'{"text": "a"}\n{"text": 3}\n', 2, "stdin: line 2: expected a JSON object"),
        (["score", "builtin:policy-en"], b"not json\n", 2, "stdin: line 1"),
        (["wrap", "model.bin", "out", "--label", "hate"], b"", 2, "expected CATEGORY=LABEL"),
        (["wrap", "missing.bin", "out", "--label", "hate=x"], b"", 2, "missing.bin: no such file"),
        (["wrap", "model.bin", "out"], b"", 2, "name the model's label for each category"),
        (["wrap", "words.json", "out", "--label", "hate=x"], b"", 2, "a word list names its categories itself"),
        (["wrap", "words.json", "out"], b"", 2, "words.json: no such file"),
        (["train", "missing.yaml", "out"], b"", 2, "missing.yaml: cannot be read"),
        (["calibrate", "builtin:policy-en", "x", "--output", "o", "--base_rate", "hate=2"], b"", 2, "between 0 and 1"),
    ],
)
def test_mistakes_are_named(capsys, monkeypatch, tmp_path, arguments, stdin, code, message):
    monkeypatch.chdir(tmp_path)
    found, _, err = run(capsys, monkeypatch, *arguments, stdin=stdin)
    assert found == code
    assert message in err
    assert "Traceback" not in err


def test_the_builtins_are_listed_and_have_cards(capsys, monkeypatch):
    code, out, _ = run(capsys, monkeypatch, "list")
    names = [json.loads(line)["name"] for line in out.splitlines()]
    assert (code, names) == (0, ["builtin:evaluator-en", "builtin:policy-en"])
    for name in names:
        assert run(capsys, monkeypatch, "card", name)[1].startswith("# ")
