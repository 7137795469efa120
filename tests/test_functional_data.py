"""The data files of the classifiers: columns, counts, no duplicates, complete templates, patterns that compile."""

from __future__ import annotations

import csv
import json
import unicodedata
from collections import Counter, defaultdict
from importlib.resources import files
from pathlib import Path

import pytest
import re2

from tamis.classifiers.taxonomy import CATEGORIES

DATA = Path(str(files("tamis.classifiers"))) / "data"

PASS = {
    *("idiom_violence", "fiction_violence", "medical_sexual", "sex_education", "history_atrocity", "news_violence"),
    *("quoting_counter_speech", "negated_hate", "reclaimed_identity", "identity_neutral", "identity_positive"),
    *("identity_profession", "identity_news", "homonym", "technical_kill", "sports", "selfharm_help"),
    *("selfharm_prevention", "selfharm_news", "profanity_not_abusive", "criticism_of_ideas"),
    *("nonprotected_target", "obfuscation_benign"),
}
FLAG = {
    *("direct_insult", "dehumanising_group", "derogation_group", "exclusion_group", "threat_person", "threat_group"),
    *("explicit_sexual", "suicidal_intent", "encouraging_self_harm", "glorifying_violence"),
    *("obfuscated_leet", "obfuscated_spacing", "obfuscated_lookalike"),
}
AXES = {"race", "religion", "gender", "orientation", "disability", "nationality"}


def table(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def patterns(source: Path) -> list[str]:
    """The lines of a term list as RE2 patterns, as the README describes them."""
    lines = [line for line in source.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    return [x.removeprefix("re:") if x.startswith("re:") else rf"\b{re2.escape(x)}s?\b" for x in lines]


@pytest.fixture(scope="module")
def suite() -> list[dict[str, str]]:
    return table("functional_en.csv")


def test_suite_has_its_columns_and_is_long_enough(suite: list[dict[str, str]]) -> None:
    assert list(suite[0]) == ["functionality", "text", "expected", "category", "identity"]
    assert len(suite) >= 600
    assert all(row["category"] in CATEGORIES for row in suite)
    assert {row["category"] for row in suite if row["expected"] == "flag"} == set(CATEGORIES)
    assert {row["category"] for row in suite if row["expected"] == "pass"} == set(CATEGORIES)


def test_every_functionality_expects_one_thing(suite: list[dict[str, str]]) -> None:
    assert {row["functionality"] for row in suite if row["expected"] == "pass"} == PASS
    assert {row["functionality"] for row in suite if row["expected"] == "flag"} == FLAG
    assert min(Counter(row["functionality"] for row in suite).values()) >= 5


def test_suite_has_no_duplicates(suite: list[dict[str, str]]) -> None:
    texts = Counter(" ".join(row["text"].casefold().split()) for row in suite)
    assert [text for text, count in texts.items() if count > 1] == []
    assert all(row["text"] == row["text"].strip() and row["text"] for row in suite)


def test_every_identity_stands_in_the_same_templates(suite: list[dict[str, str]]) -> None:
    rows = defaultdict[str, list[str]](list)
    for row in suite:
        if row["identity"]:
            rows[row["identity"]].append(row["functionality"])
    assert len(rows) >= 30
    assert len({tuple(sorted(functionalities)) for functionalities in rows.values()}) == 1
    assert {"pass", "flag"} == {row["expected"] for row in suite if row["identity"] == "gay"}


def test_lookalikes_are_not_ascii_and_spaced_words_are(suite: list[dict[str, str]]) -> None:
    by_functionality = defaultdict[str, list[str]](list)
    for row in suite:
        by_functionality[row["functionality"]].append(row["text"])
    assert not any(text.isascii() for text in by_functionality["obfuscated_lookalike"])
    assert all(text.isascii() for text in by_functionality["obfuscated_spacing"])
    assert all(any(c.isdigit() for c in text) for text in by_functionality["obfuscated_leet"])


def test_identity_terms() -> None:
    rows = table("identity_terms.csv")
    assert list(rows[0]) == ["term", "group", "axis"]
    assert len(rows) >= 60
    assert {row["axis"] for row in rows} == AXES
    assert all(row["term"] == row["term"].casefold().strip() and row["group"] for row in rows)
    assert len({row["term"] for row in rows}) == len(rows)
    assert all(len({row["axis"] for row in rows if row["group"] == group}) == 1 for group in {r["group"] for r in rows})


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("Two toddlers and a dog.", True),
        ("A 14-year-old won.", True),
        ("He is 9 years old.", True),
        ("she was sixteen years old", True),
        ("aged 15", True),
        ("A SCHOOLGIRL", True),
        ("13 y/o", True),
        ("She was just fifteen.", True),
        ("it took just 15 minutes", False),
        ("in ninth grade", True),
        ("an under-16s team", True),
        ("An 18-year-old student", False),
        ("She is 34 years old.", False),
        ("aged 170 days in oak", False),
        ("kidney beans", False),
        ("oh baby", False),
        ("upgrade the ninth server", False),
    ],
)
def test_minor_terms(text: str, matches: bool) -> None:
    found = [p for p in patterns(DATA / "minor_terms.txt") if re2.search(f"(?i){p}", text)]
    assert bool(found) is matches, found


def test_minor_terms_have_no_duplicates() -> None:
    listed = patterns(DATA / "minor_terms.txt")
    assert len(listed) == len(set(listed)) >= 50


def test_golden_texts() -> None:
    lines = (DATA / "golden_en.jsonl").read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    texts = [json.loads(line)["text"] for line in lines]
    assert len(texts) == len(set(texts)) == 24
    assert all(set(json.loads(line)) == {"text"} and json.loads(line)["text"].strip() for line in lines)
    assert max(map(len, texts)) > 1500
    assert max(texts, key=len).count("\n\n") >= 5
    assert sum(not text.isascii() for text in texts) >= 3
    assert any(unicodedata.category(c) == "Cf" for text in texts for c in text)
    assert all(text.encode() for text in texts)  # no lone surrogates
