"""`tamis inspect`: what was decided on which documents, and nothing that could harm who reads it."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tamis.pipeline import cli

ESCAPES = [
    "\x1b[2J\x1b]0;owned\x07",
    "\x1b]8;;http://attacker.invalid\x07click\x1b]8;;\x07",
    "\x9b31m",
    "a\x00b\x08\x7f",
]
BIDI = "user\u202etxt.exe\u2066 zero\u200bwidth \u061c"
LONG = "word " * 100


def document(number: int, text: str, **more: Any) -> dict[str, Any]:
    return {"id": f"d{number}", "text": text, "source": "forum" if number % 3 else "news", **more}


def documents() -> list[dict[str, Any]]:
    found = [document(k, f"{LONG}\n\nhere hate{50 + k} stands {k}\n\n{LONG}") for k in range(1, 31)]
    found += [document(100 + k, f"plain hate{30 + k // 4} words") for k in range(40)]
    found += [
        document(200 + k, f"insult harassment8{k} {ESCAPES[k]} {BIDI} http://attacker.invalid/x") for k in range(4)
    ]
    found += [
        document(300, "scene sexual90 hate60 between adults"),
        document(301, "scene sexual90 hate61 a schoolgirl"),
    ]
    found += [document(302, "self_harm70 hate62 words"), document(400, "nothing here"), document(401, "")]
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, marker_run: ModuleType) -> Path:
    folder: Path = marker_run.make(tmp_path_factory.mktemp("inspect"), documents())
    return folder


def inspect(capsys: pytest.CaptureFixture[str], run: Path, *options: object) -> tuple[int, str, str]:
    code = cli.main(["inspect", str(run), *map(str, options)])
    return code, *capsys.readouterr()


def rows(capsys: pytest.CaptureFixture[str], run: Path, *options: object) -> list[dict[str, Any]]:
    code, out, err = inspect(capsys, run, "--json", "--limit", 1000, *options)
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def test_the_notice_stands_first(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = inspect(capsys, run)
    assert code == 0
    assert out.startswith("Content notice: ")
    assert "20 of 77 documents of the intervention drop, in the order of a hash of their ids." in out
    assert "content notice" in inspect(capsys, run, "--json")[2].lower()


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--action", "drop"], {f"d{k}" for k in [*range(1, 31), 300, 302]}),
        (["--action", "tag", "--category", "harassment"], {"d200", "d201", "d202", "d203"}),
        (["--rule", "tag the rest", "--source", "news"], {f"d{k}" for k in range(100, 140) if k % 3 == 0} | {"d201"}),
        (["--rule", "1", "--source", "news"], {f"d{k}" for k in range(1, 31) if k % 3 == 0} | {"d300"}),
        (["--action", "keep"], {"d400", "d401"}),
        (["--intervention", "redact", "--action", "redact"], {f"d{k}" for k in [*range(1, 31), 300, 302]}),
        (["--near", "0.35", "--category", "hate"], {f"d{k}" for k in range(100, 140)}),
        (["--near", "0.55", "--category", "hate", "--action", "tag"], set()),
    ],
)
def test_what_is_asked_for_is_found(
    options: list[str], ids: set[str], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = rows(capsys, run, *options)
    assert {row.get("id") for row in found} - {None} == ids


def test_the_order_is_that_of_a_hash_and_does_not_change(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = [row["hash"] for row in rows(capsys, run)]
    _, out, _ = inspect(capsys, run, "--json", "--limit", 5)
    assert [json.loads(line)["hash"] for line in out.splitlines()] == whole[:5]
    assert whole != sorted(whole)
    ids = [int(row["id"][1:]) for row in rows(capsys, run) if "id" in row]
    assert ids != sorted(ids)


def test_the_excerpt_is_the_flagged_passage(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = next(row for row in rows(capsys, run, "--action", "drop") if row["id"] == "d7")
    assert "here hate57 stands 7" in row["excerpt"]
    assert len(row["excerpt"]) < 700 < row["chars"]
    assert (row["score"], row["threshold"], row["rule"]) == (0.57, 0.5, "drop: hate >= 0.5")
    assert (row["classifier"], row["category"], row["action"]) == ("policy", "hate", "drop")


def test_sexual_and_self_harm_content_waits_for_reveal(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    masked = {row["id"]: row for row in rows(capsys, run) if "id" in row}
    shown = {row["id"]: row for row in rows(capsys, run, "--reveal") if "id" in row}
    for one, words in (("d300", "between adults"), ("d302", "hate62 words")):
        assert (masked[one]["excerpt"], masked[one]["hidden"]) == (None, "closed")
        assert words in shown[one]["excerpt"]


@pytest.mark.parametrize("options", [[], ["--reveal"], ["--near", "0.9"], ["--reveal", "--json"]])
def test_sexual_content_about_minors_is_never_shown(
    options: list[str], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = inspect(capsys, run, "--limit", 1000, *options)
    assert code == 0
    assert "schoolgirl" not in out + err
    assert "d301" not in out + err
    if "--json" in options:
        (row,) = (row for row in map(json.loads, out.splitlines()) if row["hidden"] == "minors")
        assert set(row) == {"hash", "hidden"}
    else:
        assert re.search(r"Never shown: 1 document; hashes [0-9a-f]{16}\.", out)


@pytest.mark.parametrize("options", [[], ["--reveal"], ["--json"], ["--json", "--reveal"]])
def test_hostile_text_stays_inert(options: list[str], run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = inspect(capsys, run, "--category", "harassment", *options)
    assert out.replace("\n", "").isprintable()
    assert not re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\u061c]", out)
    assert "owned" not in out
    assert "http://" not in out
    assert "hxxp://attacker[.]invalid" in out
    assert "attacker" not in err


@pytest.mark.parametrize("options", [[], ["--reveal"], ["--json", "--reveal"]])
def test_every_payload_stays_inert_wherever_the_corpus_may_put_it(
    options: list[str], tmp_path: Path, marker_run: ModuleType, hostile: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    payloads = [payload[:2000] for payload in hostile.PAYLOADS if payload.strip()]
    found = [{"id": one, "source": one, "text": f"insult harassment80 {one}"} for one in payloads]
    run = marker_run.make(tmp_path, [one for one in found if encodable(one["text"])])
    code, out, err = inspect(capsys, run, "--limit", 1000, *options)
    assert code == 0, err
    assert out.count("harassment") >= len(payloads) - 5
    assert all(character.isprintable() or character == "\n" for character in out)
    assert not re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\u061c\ufeff]", out)


def encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def test_slurs_are_masked_until_revealed(
    tmp_path: Path, marker_run: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tamis.interventions import masking

    monkeypatch.setattr(masking, "MASKED", frozenset([masking.fingerprint("grumbly")]))
    run = marker_run.make(tmp_path, [document(1, "you grumbly hate90 goose")])
    assert "g•••••y" in inspect(capsys, run)[1]
    assert "grumbly" in inspect(capsys, run, "--reveal")[1]


def test_a_corpus_that_has_changed_is_not_read_as_if_it_had_not(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], marker_run: ModuleType
) -> None:
    other = marker_run.corpus(tmp_path / "corpus", [{**one, "text": one["text"] + "!"} for one in documents()])
    code, out, err = inspect(capsys, run, "--input", other)
    assert code == 1
    assert "not the document that was scored there" in err
    assert out == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--category", "hat"], "`--category hat` is not a category of this run; did you mean `hate`?"),
        (["--action", "droop"], "`--action droop` is not an action; did you mean `drop`?"),
        (["--rule", "4"], "`--rule 4` is not a rule of drop"),
        (["--near", "1"], "`--near 1`: write a score between 0 and 1"),
        (["--limit", "0"], "`--limit 0`: write 1 or more"),
        (["--intervention", "dorp"], "`dorp` is not an intervention of this run; did you mean `drop`?"),
    ],
)
def test_mistakes_are_told(options: list[str], said: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = inspect(capsys, run, *options)
    assert code == 2
    assert said in err
    assert out == ""


def test_a_run_that_was_applied_is_read_from_the_scores_of_its_source(
    run: Path, tmp_path: Path, marker_run: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    home = run.parent.parent.parent
    made = {role: str(home / "bundles" / role) for role in ("policy", "evaluator")}
    rules = {"high": [{"when": "hate >= precision(0.9)", "do": "drop"}], "low": [{"when": "hate >= 0.7", "do": "tag"}]}
    changes = {"interventions": rules, "publish": None, "quarantine_minors": False}
    plan = marker_run.plan_of(home, home / "corpus", made, **changes)
    (tmp_path / "plan.yaml").write_text(json.dumps(plan))
    assert cli.main(["apply", str(tmp_path / "plan.yaml"), "--scores", str(run)]) == 0
    applied = run.parent / json.loads(capsys.readouterr().out)["run_id"]
    shutil.move(home / "bundles", home / "gone")
    try:
        assert {row["id"] for row in rows(capsys, applied, "--intervention", "low")} == {f"d{k}" for k in range(20, 31)}
        assert rows(capsys, applied, "--intervention", "high") == []
    finally:
        shutil.move(home / "gone", home / "bundles")
    moved = tmp_path / "elsewhere" / "runs" / applied.name
    shutil.copytree(applied, moved)
    assert "name it with `--scores`" in inspect(capsys, moved)[2]
    assert len(rows(capsys, moved, "--intervention", "low", "--scores", run)) == 11


def test_a_terminal_gets_the_pager_and_a_pipe_plain_lines(run: Path, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\ncat > '{tmp_path}/seen'\necho paged\n")
    pager.chmod(0o755)
    command = [sys.executable, "-m", "tamis.pipeline", "inspect", str(run), "--limit", "2"]
    environment = {**os.environ, "PAGER": str(pager)}
    main, terminal = pty.openpty()
    done = subprocess.run(command, env=environment, stdout=terminal, stderr=subprocess.PIPE, check=False)
    os.close(terminal)
    assert done.returncode == 0, done.stderr
    assert os.read(main, 1000).split() == [b"paged"]
    os.close(main)
    assert (tmp_path / "seen").read_text().startswith("Content notice")
    plain = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert plain.stdout == (tmp_path / "seen").read_text()
