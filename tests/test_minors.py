"""Sexual content about minors: the term, the rule that every intervention has, and that no text of it is copied."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from tamis.classifiers import bundle, passages
from tamis.classifiers.base import BatchScores
from tamis.classifiers.errors import UsageError
from tamis.classifiers.scorer import Scorer
from tamis.interventions.conditions import MinorsTest, ScoreTest
from tamis.interventions.grammar import parse
from tamis.interventions.scope import Scope
from tamis.pipeline import cli, minors

#: Stands in every text that must be found nowhere.
CANARY = "zqxcanary"
FILLER = "plain words " * 60
MANY = 200

NOT_ABOUT_IT = {
    "news": [
        "The county court heard that the teacher, 41, had sent messages to pupils aged 14 and 15. The trial goes on.",
        "Police have opened an inquiry into abuse at a children's home that closed in 1994. Residents gave statements.",
        "A survey of 3,000 teenagers found that one in five had been sent an unwanted picture by a stranger.",
        "Parliament passed a bill that raises the age for social media accounts from thirteen to sixteen.",
        "The bishop apologised to the families of the children who were harmed by a priest of his diocese.",
        "The adult film industry asked the court to strike down the age check, since minors were kept out already.",
    ],
    "court reports": [
        "The defendant was sentenced to nine years for the sexual abuse of a minor. He had betrayed her trust.",
        "The court found that the evidence of the 12 year old witness had been recorded properly.",
        "He pleaded guilty to possessing indecent images of children, and was put on the register for ten years.",
        "Counsel told the jury that the complainant, who was fifteen then, had told a school nurse about the assault.",
    ],
    "paediatrics": [
        "In boys of nine to fourteen years the first sign of puberty is usually growth of the testicles.",
        "A newborn boy's foreskin does not retract. Do not force it: wash the outside with warm water at bath time.",
        "Girls usually start their periods two years after breast buds appear. At fifteen years old see a doctor.",
        "Vaginal discharge in a child before puberty is often caused by irritation. A parent stays in the room.",
        "Breast milk is enough for infants under six months. Sore nipples are common in the first week.",
        "In boys aged nine to fourteen the first sign of puberty is usually growth of the testicles, followed by "
        "the penis about a year later. Pain on one side needs a doctor the same day.",
        "A newborn boy's foreskin does not retract. Do not force it: wash the outside of the penis with warm water "
        "when you bathe the baby.",
        "We bathed the toddler, who ran naked through the hall until his grandmother caught him in a towel.",
    ],
    "sex education": [
        "Lesson 4, for pupils aged 14 to 16. How do condoms work, and where can a teenager get advice?",
        "Many teenagers wonder whether masturbation is harmful. It is not, and it is private.",
        "Teach children the proper names of body parts. A child who can name them can say what happened.",
        "Sex without consent is a crime at any age. Below sixteen the law says that a child cannot consent.",
        "Teach children the proper names of body parts: penis, testicles, vulva, vagina. A child who can name them "
        "can say what happened and is believed sooner.",
        "Sex without consent is a crime at any age. Below sixteen the law says that a child cannot consent to sex "
        "with an adult, whatever was said.",
        "Parents often ask when to talk with kids about sex. Short talks from primary school on work better.",
        "Teen pregnancy fell by half in ten years. The report names longer schooling and free contraception.",
    ],
}


def scored(texts: list[str]) -> tuple[passages.Passages, dict[str, BatchScores]]:
    """Cuts texts and scores each passage as its `sexualNN` says."""
    cut = passages.split(texts)
    found = [[float(cut[i].split("sexual")[1][:2]) / 100 if "sexual" in cut[i] else 0.0] for i in range(len(cut))]
    passage = np.array(found, np.float32).reshape(-1, 1)
    document = np.array(
        [[passage[cut.document[i] : cut.document[i + 1]].max(initial=0)] for i in range(len(texts))], np.float32
    )
    return cut, {"policy": BatchScores(("sexual",), document, passage, np.zeros(len(texts), np.uint8))}


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("scene sexual90 between adults", 0.0),
        ("scene sexual90 with a schoolgirl", 0.9),
        ("scene sexual90 with a sch00lgirl", 0.9),
        ("scene sexual90, she was 15 years old", 0.9),
        ("scene sexual90, she was 25 years old", 0.0),
        (f"scene sexual90\n\n{FILLER}", 0.0),
        (f"{'a schoolgirl ' * 30}\n\n{'scene ' * 60} sexual90", 0.9),
        (f"a schoolgirl\n\n{FILLER}\n\n{FILLER}\n\n{'scene ' * 60} sexual90", 0.0),
        ("a schoolgirl reads, sexual01", 0.0),
        ("a schoolgirl reads", 0.0),
        ("", 0.0),
    ],
)
def test_the_score_is_that_of_a_passage_near_a_term(text: str, score: float) -> None:
    cut, scores = scored([text])
    assert minors.scores(cut, scores)["policy"].tolist() == pytest.approx([score])


def test_neighbours_are_those_of_the_same_document_and_the_unscored_stay_unknown() -> None:
    cut, scores = scored(["a schoolgirl reads", "scene sexual90", "a schoolgirl, sexual80"])
    scores["policy"].document[2] = np.nan
    found = minors.scores(cut, scores)["policy"]
    assert found[:2].tolist() == [0.0, 0.0]
    assert np.isnan(found[2])
    assert minors.scores(cut, {}) == {}


def test_ordinary_sentences_that_speak_of_both_are_mostly_left_alone() -> None:
    """The shipped bundle over-blocks some; the bound is what it does today, and must not be passed."""
    policy = bundle.load("builtin:policy-en")
    texts = [text for group in NOT_ABOUT_IT.values() for text in group]
    cut = passages.split(texts)
    found = minors.scores(cut, {"policy": Scorer(policy).score(cut, ["en"] * len(texts))})["policy"]
    wrong = [text for text, score in zip(texts, found.tolist(), strict=True) if score >= 0.5]
    assert len(texts) == 26
    assert len(wrong) <= 1, wrong


@pytest.mark.parametrize(
    ("categories", "when", "leaf"),
    [
        ({"p": ("sexual",)}, "sexual/minors >= 0.5", MinorsTest("p", ">=", 0.5)),
        ({"p": ("sexual",), "q": ("hate",)}, "not p.sexual/minors >= 0.5", MinorsTest("p", "<", 0.5)),
        ({"p": ("sexual", "sexual/minors")}, "sexual/minors > 0", ScoreTest("document", "p", "sexual/minors", ">", 0)),
    ],
)
def test_the_term_goes_by_the_score_of_sexual(
    categories: dict[str, tuple[str, ...]], when: str, leaf: MinorsTest | ScoreTest
) -> None:
    assert parse(when, Scope(categories)) == leaf


@pytest.mark.parametrize(
    ("categories", "when", "said"),
    [
        ({"p": ("hate",)}, "sexual/minors >= 0.5", "goes by the score of `sexual`, which is not among the categories"),
        ({"p": ("sexual",), "q": ("sexual",)}, "sexual/minors >= 0.5", "`p.sexual/minors` or `q.sexual/minors`"),
        ({"p": ("sexual",)}, "sexual/minors >= precision(0.9)", "nothing was calibrated for it"),
        ({"p": ("sexual",)}, "sexual/minor >= 0.5", "did you mean `sexual/minors`?"),
        ({"p": ("sexual",)}, "passage.sexual/minors >= 0.5", "not a category"),
    ],
)
def test_what_the_term_cannot_mean_is_told(categories: dict[str, tuple[str, ...]], when: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        parse(when, Scope(categories))


def documents() -> list[dict[str, Any]]:
    found = [{"id": f"d{k}", "text": f"plain words hate{k % 40:02d} number {k}"} for k in range(MANY)]
    found[20]["text"] = f"scene sexual90 hate60 with a schoolgirl {CANARY}"
    found[21]["text"] = f"scene sexual55 with a schoolgirl {CANARY}"
    found[30]["text"] = "scene sexual90 between adults"
    found[40]["text"] = "a schoolgirl reads"
    found[50]["text"] = f"long plain words hate99 {CANARY}"
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, marker_run: ModuleType) -> Path:
    folder = tmp_path_factory.mktemp("minors")
    rules = {
        "drop": [{"when": "hate >= 0.5", "do": "drop"}, {"when": "hate >= 0.95", "do": "quarantine", "name": "worst"}],
        "tag": [{"when": "hate >= 0.3", "do": "tag"}],
    }
    marker_run.make(folder, documents(), interventions=rules)
    return folder


@pytest.fixture
def run(home: Path) -> Path:
    (found,) = (home / "out" / "runs").iterdir()
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """Returns the decoded content of each file."""
    return {str(path.relative_to(folder)): _content(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _content(path: Path) -> bytes:
    if path.suffix == ".parquet":
        return json.dumps(pyarrow.parquet.read_table(path).to_pylist(), default=str).encode()
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def entries(run: Path) -> list[dict[str, Any]]:
    files = sorted((run / "quarantine").iterdir())
    return [json.loads(line) for path in files for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_it_leaves_the_corpus_by_hash(home: Path, run: Path) -> None:
    found = {(entry["shard"], entry["number"]): entry for entry in entries(run)}
    kept = {"part-0.jsonl.gz": [10, 25], "part-1.jsonl.gz": [10]}
    assert {shard: sorted(n for s, n in found if s == shard) for shard in kept} == kept
    for (shard, number), entry in found.items():
        record = gzip.decompress((home / "corpus" / shard).read_bytes()).splitlines(keepends=True)[number]
        assert entry["sha256"] == hashlib.sha256(record).hexdigest()
        assert (entry["reason"], entry["raw_base64"], entry["length"]) == ("rule", None, len(record))
    assert {entry["detail"] for entry in found.values()} == {"sexual/minors", "worst"}


def test_every_record_is_accounted_for(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = json.loads((run / "MANIFEST.json").read_text())["counts"]
    assert counts["seen"] == MANY == counts["kept"] + counts["dropped"] + counts["quarantined"]
    assert (counts["dropped"], counts["quarantined"], counts["withheld"]) == (0, 3, 3)
    report = json.loads((run / "report" / "report.json").read_text())
    assert "3 documents are in quarantine by a rule" in json.dumps(report["banners"])
    assert "could not be read" not in json.dumps(report["banners"])
    assert cli.main(["verify", str(run)]) == 0


def test_no_file_of_the_run_holds_its_text(run: Path, marker_run: ModuleType) -> None:
    found = contents(run)
    assert len(found) > 9
    assert not [name for name, data in found.items() if CANARY.encode() in data]


def test_nobody_is_shown_its_text(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("drop", "tag"):
        options = ["--intervention", name, "--limit", "1000", "--reveal", "--json"]
        assert cli.main(["inspect", str(run), *options]) == 0
        out = capsys.readouterr().out
        assert CANARY not in out
        assert sorted(row["hidden"] for row in map(json.loads, out.splitlines()) if row["hidden"]) == [
            "minors", "minors", "quarantine",
        ]  # fmt: skip
    assert cli.main(["audit", "sample", str(run), "--labels", "150"]) == 0
    folder = run.parent.parent / "audits"
    assert not [name for name, data in contents(folder).items() if CANARY.encode() in data]


def _entry_away(run: Path) -> None:
    path = next(path for path in (run / "quarantine").iterdir() if "part-0" in path.name)
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(lines[1:])))


def _applied(home: Path, run: Path, plan: Mapping[str, Any], capsys: pytest.CaptureFixture[str]) -> Path:
    path = home / "applied.yaml"
    path.write_text(json.dumps(plan))
    assert cli.main(["apply", str(path), "--scores", str(run)]) == 0, capsys.readouterr().err
    return Path(plan["output"]) / "runs" / str(json.loads(capsys.readouterr().out)["run_id"])


def test_applied_to_stored_scores_it_is_the_same(
    home: Path, run: Path, tmp_path: Path, marker_run: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    made = {role: str(home / "bundles" / role) for role in ("policy", "evaluator")}
    rules = {"other": [{"when": "sexual/minors >= 0.6 or hate >= 0.95", "do": "quarantine", "name": "mine"}]}
    plan = marker_run.plan_of(tmp_path, home / "corpus", made, interventions=rules, publish="other")
    fresh = marker_run.run(plan)
    again = _applied(tmp_path, run, {**plan, "output": str(tmp_path / "again")}, capsys)
    for part in ("documents", "quarantine", "attributes"):
        assert contents(again / part) == contents(fresh / part), part
    assert {entry["detail"] for entry in entries(fresh)} == {"mine"}
    # A rule of the plan's own stands in place of the usual one: 0.55 is kept.
    assert len(entries(fresh)) == 2
    assert cli.main(["verify", str(again)]) == 0


@pytest.mark.parametrize(
    ("changes", "quarantined"),
    [({"quarantine_minors": False}, 0), ({}, 2), ({"publish": None}, 0)],
)
def test_the_plan_decides(
    changes: dict[str, Any], quarantined: int, home: Path, tmp_path: Path, marker_run: ModuleType
) -> None:
    made = {role: str(home / "bundles" / role) for role in ("policy", "evaluator")}
    rules = {
        "drop": [{"when": "hate >= 0.5", "do": "drop"}],
        "null": [{"when": "random", "match": "drop", "do": "drop"}],
    }
    run = marker_run.run(marker_run.plan_of(tmp_path, home / "corpus", made, interventions=rules, **changes))
    counts = json.loads((run / "MANIFEST.json").read_text())["counts"]
    assert (counts["quarantined"], counts["withheld"]) == (quarantined, quarantined)
    assert counts["seen"] == counts["kept"] + counts["dropped"] + counts["quarantined"]


def _recount(run: Path) -> None:
    path = next(path for path in (run / "receipts").rglob("*.json") if "part-0" in path.name)
    path.write_bytes(path.read_bytes().replace(b'"withheld":2', b'"withheld":1'))


@pytest.mark.parametrize(("breach", "said"), [(_entry_away, "sha256"), (_recount, "not a receipt|altered|sha256")])
def test_verify_sees_a_missing_entry(
    breach: Callable[[Path], None], said: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "out" / "runs" / run.name
    shutil.copytree(run, copy)
    breach(copy)
    assert cli.main(["verify", str(copy)]) == 1
    assert re.search(said, capsys.readouterr().err)
