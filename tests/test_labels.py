"""The passage labels: their schema, that no passage occurs twice, and that no text is in them."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tamis.classifiers.taxonomy import CATEGORIES, FINER
from tamis.interventions.audit_agreement import kappa

SCRIPTS = Path(__file__).parents[1] / "scripts"
if str(SCRIPTS) not in sys.path:
    sys.path.append(str(SCRIPTS))

from bundles import labels  # noqa: E402

FOLDER = Path(__file__).parents[1] / "classifiers" / "labels"
SECOND_LABELLER = FOLDER / "second_labeller" / "passages_en.jsonl"
FILES = [*sorted(FOLDER.glob("*.jsonl")), SECOND_LABELLER]
KEYS = {"corpus", "id", "start", "end", "sha256_12", "labels", "labeller", "round"}
ALLOWED = {*CATEGORIES, *FINER} - {"sexual/minors"}
Row = dict[str, Any]


def read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def place(row: Row) -> tuple[Any, ...]:
    return row["corpus"], row["id"], row.get("i"), row["start"], row["end"]


@pytest.fixture(params=FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def rows(request: pytest.FixtureRequest) -> list[Row]:
    return read(request.param)


def test_there_are_labels():
    assert FOLDER / "passages_en.jsonl" in FILES


def test_rows_hold_the_declared_keys_and_no_text(rows):
    for row in rows:
        assert set(row) - {"i"} == KEYS
        assert max(len(str(row[key])) for key in set(row) - {"labels"}) <= 60


def test_offsets_digests_and_labels_are_well_formed(rows):
    for row in rows:
        assert 0 <= row["start"] < row["end"] <= row["start"] + 800
        assert re.fullmatch("[0-9a-f]{12}", row["sha256_12"])
        assert row["labels"]
        assert set(row["labels"]) <= ALLOWED
        assert set(row["labels"].values()) <= {0, 1}


def test_graphic_violence_is_violence(rows):
    graphic = [row["labels"] for row in rows if row["labels"].get("violence/graphic") == 1]
    assert all(labels.get("violence") == 1 for labels in graphic)


def test_a_passage_occurs_once(rows):
    assert len({place(row) for row in rows}) == len({row["sha256_12"] for row in rows}) == len(rows)


def _read(name: str = "read_en.csv") -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.parametrize("name", ["read_en.csv", "evaluator/read_en.csv"])
def test_codes_are_well_formed_and_no_text_is_with_them(name):
    for row in _read(name):
        assert list(row) == ["corpus", "id", "start", "end", "sha256_12", "codes", "labeller"]
        assert 0 <= int(row["start"]) < int(row["end"])
        assert re.fullmatch("[0-9a-f]{12}", row["sha256_12"])
        assert re.fullmatch(r"-|(?:[SHRVGA]\??)+", row["codes"])
        assert re.fullmatch(r"reader-\d+", row["labeller"])
        assert max(map(len, row.values())) <= 40


def test_a_reader_judges_a_passage_once():
    rows = _read()
    assert len({(row["corpus"], row["id"], row["start"], row["end"], row["labeller"]) for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-", dict.fromkeys(labels.CODES.values(), 0)),
        ("HV?", {**dict.fromkeys(labels.CODES.values(), 0), "hate": 1, "violence": None}),
        ("VGA", {**dict.fromkeys(labels.CODES.values(), 0), "violence": 1, "violence/graphic": 1, "self_harm": 1}),
    ],
)
def test_codes_name_what_applies_and_what_is_doubtful(text, expected):
    assert labels.codes(text) == {category: value for category, value in expected.items() if value is not None}


def test_a_reader_goes_before_a_score():
    whole = {"text": "a b", "violence": 0, "hate": 1, "sexual": 1}
    source = [
        {"text": "a b", "violence": 1}, {"text": "a", "violence": 1, "hate": 1, "harassment": 1},
        {"text": "b", "hate": 0, "sexual": 1}, {"text": "c", "violence": 1}, {"text": "a", "violence": 1},
    ]  # fmt: skip
    assert list(labels.corrected(source, {"a b": whole})) == [
        {"text": "a", "violence": 0, "hate": 1}, {"text": "b", "violence": 0, "sexual": 1},
        {"text": "c", "violence": 1}, {"text": "a", "violence": 1},
    ]  # fmt: skip


def test_the_agreement_of_readers_that_the_readme_states_is_that_of_the_file():
    votes = defaultdict(list)
    for row in _read():
        votes[row["corpus"], row["id"], row["start"], row["end"]].append(labels.codes(row["codes"]))
    twice = {str(at): given for at, given in votes.items() if len(given) == 2}
    readme = (FOLDER / "README.md").read_text(encoding="utf-8").replace("|", " ")
    assert f"{len(votes):,} passages" in readme
    for category in labels.CODES.values():
        ones = [{at: int(given[side].get(category) == 1) for at, given in twice.items()} for side in (0, 1)]
        decided = [{at: given[side][category] for at, given in twice.items() if category in given[side]}
                   for side in (0, 1)]  # fmt: skip
        row = f"{category}   {_both(*ones)}   {sum(ones[0].values())}, {sum(ones[1].values())}   {_stated(*ones)}"
        assert f"{row}   {_stated(*decided)}, n = {len(decided[0].keys() & decided[1].keys())}" in readme


def test_the_second_look_covers_passages_of_the_first():
    second = FOLDER / "passages_en_second.jsonl"
    first = {place(row): row["sha256_12"] for row in read(FOLDER / "passages_en.jsonl")}
    for row in read(second) if second.exists() else []:
        assert first[place(row)] == row["sha256_12"]


def test_the_agreement_that_the_readme_states_is_that_of_the_files():
    first = {place(row): row["labels"] for row in read(FOLDER / "passages_en.jsonl")}
    second = {place(row): row["labels"] for row in read(SECOND_LABELLER)}
    assert len(second) == 305
    readme = (FOLDER / "README.md").read_text(encoding="utf-8").replace("|", " ")
    for category in sorted(ALLOWED - {"hate/threatening"}):
        ones = [{str(at): int(side[at].get(category) == 1) for at in second} for side in (first, second)]
        decided = [{str(at): side[at][category] for at in second if category in side[at]} for side in (first, second)]
        row = f"{category}   {_both(*ones)}   {sum(ones[0].values())}, {sum(ones[1].values())}   {_stated(*ones)}"
        assert row in readme
        assert f"{_stated(*decided)}, n = {len(decided[0].keys() & decided[1].keys())}" in readme


def _both(first: dict[str, int], second: dict[str, int]) -> int:
    return sum(first[at] * second[at] for at in first)


def _stated(first: dict[str, int], second: dict[str, int]) -> str:
    found = kappa(first, second)
    value, low, high = (f"{found[key]:.2f}".removeprefix("0") for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def test_what_was_read_of_ordinary_text_keeps_its_place_with_the_readers_labels():
    source = [{"text": "a", "source": "o", "violence": 0, "hate": 0}, {"text": "b", "source": "o", "violence": 0}]
    assert list(labels.reread(source, {"a": {"text": "a", "violence": 1, "sexual": 0}})) == [
        {"text": "a", "source": "o", "violence": 1, "sexual": 0}, source[1],
    ]  # fmt: skip


def test_what_a_reader_doubts_is_no_ordinary_text_any_more():
    source = [{"text": "a", "source": "o", "violence": 0, "hate": 0, "sexual": 0}, {"text": "b", "hate": 0}]
    read = {"a": {"text": "a", "violence": 1, "sexual": 0}}
    assert list(labels.cleared(source, read)) == [{"text": "a", "source": "o", "sexual": 0}, source[1]]
