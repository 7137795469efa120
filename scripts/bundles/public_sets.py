"""Public label sets, each mapped to the policy categories: one function a set, one line in `SETS`.

A cell that a set says nothing about stays absent (unknown). Handles, user names and addresses are masked
as a row is read, so no file written from here names a person's account.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

Row = dict[str, object]

_HANDLE = re.compile(r"(?<![\w@])@\w{2,}|(?<![\w/])/?u/[\w-]{3,}")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_WIKI_USER = re.compile(r"\[\[User(?:[ _]talk)?:[^\]|]+(?:\|[^\]]*)?\]\]|User(?:[ _]talk)?:\S+", re.IGNORECASE)
_MINOR = re.compile(
    r"\b(?:child(?:ren)?|kids?|minors?|teens?|teenage[rd]?s?|underage|schoolgirls?|schoolboys?|pre-?teens?|"
    r"bab(?:y|ies)|toddlers?|infants?|daughters?|sons?|young(?:er)? (?:girls?|boys?)|little (?:girls?|boys?)|"
    r"(?:1[0-7]|[4-9]|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen)"
    r"(?:[- ]years?[- ]old|\s?y/?o))\b",
    re.IGNORECASE,
)


def mask(text: str) -> str:
    """Replaces account names and mail addresses by placeholders."""
    text = _MAIL.sub("user@example.com", text)
    text = _WIKI_USER.sub("User:user", text)
    return _HANDLE.sub("@user", text)


def names_a_minor(text: str) -> bool:
    """Whether a text has a minor-age term: such a text is never used as a sexual example."""
    return bool(_MINOR.search(text))


def rows(name: str, data: Path) -> Iterator[Row]:
    """The rows of a set, masked, with `source`; positives of `sexual` that name a minor are left out."""
    for row in SETS[name](data / name):
        text = mask(str(row["text"])).strip()
        if not text or (row.get("sexual") == 1 and names_a_minor(text)):
            continue
        yield {**row, "text": text, "source": name}


def read_text(path: Path) -> str:
    """The file, or the same name with `.gz`."""
    if path.exists():
        return path.read_text("utf-8")
    return gzip.decompress(path.with_name(path.name + ".gz").read_bytes()).decode("utf-8")


def _csv(path: Path, delimiter: str = ",", fields: list[str] | None = None) -> Iterator[dict[str, str]]:
    csv.field_size_limit(1 << 24)
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    text = io.StringIO(read_text(path), newline="")
    return iter(csv.DictReader(text, fieldnames=fields, delimiter=delimiter, quoting=quoting))


def _jsonl(path: Path) -> Iterator[dict[str, object]]:
    return (json.loads(line) for line in read_text(path).split("\n") if line)


def _stormfront(folder: Path) -> Iterator[Row]:
    for row in _csv(folder / "stormfront.csv"):
        if row["label"] in {"hate", "noHate"}:
            yield {"text": row["text"], "hate": int(row["label"] == "hate")}


def _hatemoji(folder: Path, files: tuple[str, ...]) -> Iterator[Row]:
    for name in files:
        for row in _csv(folder / name):
            out: Row = {"text": row["text"], "hate": int(row["label_gold"])}
            if row.get("type") == "threateninglanguage":
                out["violence"] = 1
            yield out


def _hatemoji_build(folder: Path) -> Iterator[Row]:
    return _hatemoji(folder, ("train.csv", "validation.csv", "hatemojibuild_test.csv"))


def _toxigen_human(folder: Path) -> Iterator[Row]:
    for row in json.loads(read_text(folder / "toxiGen.json")):
        if row["toxicity_score"] >= 3.5 or row["toxicity_score"] <= 2.0:
            yield {"text": row["text"], "hate": int(row["toxicity_score"] >= 3.5)}


def _toxigen_demos(folder: Path) -> Iterator[Row]:
    for row in _jsonl(folder / "toxigen_demos.jsonl"):
        yield {"text": row["text"], "hate": int(row["label"] == "hate")}


def _implicit_hate(folder: Path) -> Iterator[Row]:
    for row in json.loads(read_text(folder / "implicitHate.json")):
        yield {"text": row["text"], "hate": int(row["label"] == "hate")}


def _davidson(folder: Path) -> Iterator[Row]:
    """Class 1 (offensive) is left out: it mostly marks African American English (Sap et al. 2019)."""
    for row in _csv(folder / "labeled_data.csv"):
        if row["class"] in {"0", "2"}:
            text = re.sub(r"\bRT\s+@\w+:?|&#\d+;|!{3,}", " ", row["tweet"])
            yield {"text": text.replace("&amp;", "&"), "hate": int(row["class"] == "0")}


def _edos(folder: Path, splits: tuple[str, ...]) -> Iterator[Row]:
    for row in _csv(folder / "edos_labelled_aggregated.csv"):
        if row["split"] in splits:
            out: Row = {"text": row["text"], "hate": int(row["label_sexist"] == "sexist")}
            if row["label_category"].startswith("1."):
                out["violence"] = 1
            yield out


def _edos_train(folder: Path) -> Iterator[Row]:
    return _edos(folder, ("train", "dev"))


def _toxic_spans(folder: Path) -> Iterator[Row]:
    """Positive: at most a third of the raters said "not toxic"; negative: more than two thirds did."""
    votes: dict[str, list[int]] = defaultdict(list)
    for row in _csv(folder / "annotations.csv"):
        votes[row["comment_id"]].append(int(row["not toxic"].lower() == "true"))
    for row in _csv(folder / "comments.csv"):
        answers = votes.get(row["comment_id"])
        share = sum(answers) / len(answers) if answers else 0.5
        if share <= 1 / 3 or share > 2 / 3:
            yield {"text": row["comment_text"], "harassment": int(share <= 1 / 3)}


def _cat_large(folder: Path) -> Iterator[Row]:
    for name in ("gn.csv", "gc.csv"):
        for row in _csv(folder / name):
            out: Row = {"text": row["text"], "harassment": int(row["label"])}
            if row["label"] == "0":
                out |= {"sexual": 0, "self_harm": 0, "violence": 0, "hate": 0}
            yield out


def _paradetox(folder: Path) -> Iterator[Row]:
    for number, row in enumerate(_csv(folder / "paradetox.tsv", "\t")):
        group = f"paradetox-{number}"
        yield {"text": row["toxic"], "harassment": 1, "group": group}
        for column in ("neutral1", "neutral2", "neutral3"):
            if row.get(column):
                yield {"text": row[column], "harassment": 0, "group": group}


def _convabuse(folder: Path) -> Iterator[Row]:
    """Abuse by majority of the raters who saw the turn; sexual harassment by any of them."""
    for part in ("train", "valid", "test"):
        for row in _csv(folder / f"ConvAbuseEMNLP{part}.csv"):
            severe = Counter[bool]()
            for rater in range(1, 9):
                marks = [row.get(f"Annotator{rater}_is_abuse.{level}") for level in ("-1", "-2", "-3")]
                if any(marks):
                    severe["1" in marks] += 1
            sexual = any(row.get(f"Annotator{rater}_sex_harassment") == "1" for rater in range(1, 9))
            if severe[True] != severe[False]:
                abusive = severe[True] > severe[False]
                yield {"text": row["user"], "harassment": int(abusive), "sexual": int(sexual)}


def _surge_toxicity(folder: Path) -> Iterator[Row]:
    for row in _csv(folder / "toxicity_en.csv"):
        yield {"text": row["text"], "harassment": int(row["is_toxic"] == "Toxic")}


def _goemotions(folder: Path) -> Iterator[Row]:
    """Comments that no rater found angry, annoyed, disapproving or disgusted are taken as polite."""
    hostile = {"2", "3", "10", "11"}
    for part in ("train", "dev", "test"):
        for row in _csv(folder / f"{part}.tsv", "\t", ["text", "emotions", "id"]):
            if not hostile & set(row["emotions"].split(",")):
                yield {"text": row["text"], "hate": 0, "harassment": 0}


_PERSPECTIVE = {"sexually_explicit": "sexual", "threat": "violence", "identity_attack": "hate", "insult": "harassment"}


def _rtp(folder: Path) -> Iterator[Row]:
    """Perspective scores: >= 0.5 positive, < 0.25 negative, between the two unknown."""
    for name in ("val.jsonl", "decodingtrust_toxic.jsonl", "decodingtrust_nontoxic.jsonl"):
        for record in _jsonl(folder / name):
            parts = [record["prompt"], record["continuation"]]
            scores = [{k: part.get(k) for k in _PERSPECTIVE} for part in parts]  # type: ignore[attr-defined]
            text = "".join(str(part["text"]) for part in parts)  # type: ignore[index]
            yield {"text": text, "group": str(record["filename"]), **_perspective(scores)}
            for part, score in zip(parts, scores, strict=True):
                yield {"text": part["text"], "group": str(record["filename"]), **_perspective([score])}  # type: ignore[index]


def _perspective(scores: list[dict[str, float | None]]) -> Row:
    out: Row = {}
    for attribute, category in _PERSPECTIVE.items():
        values = [score[attribute] for score in scores]
        if any(value is not None and value >= 0.5 for value in values):
            out[category] = 1
        elif all(value is not None and value < 0.25 for value in values):
            out[category] = 0
    return out


def _profanity(folder: Path) -> Iterator[Row]:
    """Terms of a rated word list, as one-term texts."""
    for row in _csv(folder / "profanity_en.csv"):
        kinds = {row[f"category_{i}"] for i in (1, 2, 3)}
        severe = float(row["severity_rating"]) >= 2.0
        if "racial / ethnic slurs" in kinds and severe:
            yield {"text": row["text"], "hate": 1}
        elif "sexual anatomy / sexual acts" in kinds and row["severity_description"] != "Mild":
            yield {"text": row["text"], "sexual": 1}


def insults(data: Path) -> list[str]:
    """Insulting nouns of the rated word list."""
    listed = _csv(data / "surge-profanity" / "profanity_en.csv")
    return [row["text"] for row in listed if row["category_1"] == "other / general insult"]


SETS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "stormfront": _stormfront,
    "hatemoji": _hatemoji_build,
    "toxigen-human": _toxigen_human,
    "toxigen-demos": _toxigen_demos,
    "implicit-hate": _implicit_hate,
    "davidson": _davidson,
    "edos": _edos_train,
    "toxic-spans": _toxic_spans,
    "cat-large-wiki": _cat_large,
    "paradetox": _paradetox,
    "convabuse": _convabuse,
    "surge-toxicity": _surge_toxicity,
    "goemotions": _goemotions,
    "rtp-subset": _rtp,
    "surge-profanity": _profanity,
}
