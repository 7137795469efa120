"""The passages that were labelled by reading: labels are kept without text, and joined with it by place here."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from tamis.classifiers.taxonomy import CATEGORIES

from .corpora import documents, tenth, weak
from .public_sets import Row, mask, names_a_minor, read_text

Place = tuple[str, str, int, int, int]

CODES = {
    "S": "sexual", "H": "hate", "R": "harassment", "V": "violence", "G": "violence/graphic", "A": "self_harm",
}  # fmt: skip
_CODE = re.compile(r"([SHRVGA])(\??)")
_RTP = ("val", "decodingtrust_toxic", "decodingtrust_nontoxic")


def labelled(labels: Path, data: Path, folder: Path) -> Iterator[tuple[int, Row]]:
    """(tenth, row) of each labelled passage; see `joined`."""
    for place, row in joined(labels, data, folder):
        # What edos itself calls its training split stays in training.
        yield 0 if place[0] == "edos" else tenth(str(row["group"])), row


def joined(labels: Path, data: Path, folder: Path) -> Iterator[tuple[Place, Row]]:
    """(place, row) of each labelled passage, joined with its text by id; one that no longer matches is left out.

    Several labellers' votes on a passage are joined: a category is positive or negative where they agree.
    """
    votes: dict[Place, list[tuple[dict[str, int], str]]] = defaultdict(list)
    for place, given, digest in (*_named(labels), *_coded(labels)):
        votes[place].append((given, digest))
    texts = _texts({place[:3] for place in votes}, data, folder)
    for place, entries in votes.items():
        corpus, identity, start, end = place[0], place[1], place[3], place[4]
        passage = texts.get(place[:3], "")[start:end]
        digest = hashlib.sha256(passage.encode("utf-8", "surrogatepass")).hexdigest()
        if not digest.startswith(entries[-1][1]):
            continue
        book = identity.rsplit("-", 1)[0] if corpus == "novels" else identity
        agreed = _agreed([given for given, _ in entries])
        if agreed.get("sexual") == 1 and names_a_minor(passage):
            continue
        yield place, {"text": mask(passage).strip(), **agreed, "group": book, "source": "tamis-labels"}


def codes(text: str) -> dict[str, int]:
    """What the codes of a passage say: a category that is not named is 0, one with a question mark is left out."""
    named = {CODES[code]: doubt for code, doubt in _CODE.findall(text)}
    return {category: int(category in named) for category in CODES.values() if not named.get(category)}


def unread(rows: Iterable[Row], read: Collection[str]) -> Iterator[Row]:
    """The rows of a source whose text nobody has read: a reader's label goes before a rule's."""
    return (row for row in rows if row["text"] not in read)


def reread(rows: Iterable[Row], read: dict[str, Row]) -> Iterator[Row]:
    """The rows of a source, with a reader's labels in place of its own where there are any.

    Ordinary text is read where a classifier scores it high. Left out, what was read and found harmless would be missing
    from the sample that thresholds are computed on.
    """
    for row in rows:
        known = read.get(str(row["text"]))
        yield row if known is None else {**_unlabelled(row), **{c: known[c] for c in CODES.values() if c in known}}


def cleared(rows: Iterable[Row], read: dict[str, Row]) -> Iterator[Row]:
    """The rows of ordinary text, unknown where a reader found or suspected a violation.

    The model of these rows learns no violation from the reader, and what violates no longer counts as ordinary text.
    """
    for row in rows:
        known = read.get(str(row["text"]))
        doubtful = [] if known is None else [category for category in CODES.values() if known.get(category) != 0]
        yield {key: value for key, value in row.items() if key not in doubtful}


def corrected(rows: Iterable[Row], read: dict[str, Row]) -> Iterator[Row]:
    """The rows of a source of wholes, each followed by its parts, less the wholes that were read.

    A part of what was read can violate only what the whole violates, and does so where both its own score and the
    reader of the whole say so; a doubt about the whole is one about its parts.
    """
    whole: Row | None = None
    for row in rows:
        text = str(row["text"])
        if text in read:
            whole = read[text]
        elif whole is None or text not in str(whole["text"]):
            whole = None
            yield row
        else:
            yield _part(row, whole)


def _part(row: Row, whole: Row) -> Row:
    out = _unlabelled(row)
    for category in CATEGORIES:
        if whole.get(category) == 0 or (whole.get(category) == 1 and row.get(category) == 1):
            out[category] = whole[category]
    return out


def _unlabelled(row: Row) -> Row:
    return {key: value for key, value in row.items() if key not in CODES.values()}


def _named(labels: Path) -> Iterator[tuple[Place, dict[str, int], str]]:
    for path in sorted(labels.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            entry = json.loads(line)
            place = (entry["corpus"], str(entry["id"]), int(entry.get("i", 0)), entry["start"], entry["end"])
            yield place, entry["labels"], str(entry["sha256_12"])


def weights(labels: Path) -> dict[Place, float]:
    """How many passages each passage of a drawn sample stands for."""
    return {place: float(row["weight"]) for place, row in _lines(labels)}


def _coded(labels: Path) -> Iterator[tuple[Place, dict[str, int], str]]:
    return ((place, codes(row["codes"]), row["sha256_12"]) for place, row in _lines(labels))


def _lines(labels: Path) -> Iterator[tuple[Place, dict[str, str]]]:
    for path in sorted(labels.glob("*.csv")):
        for row in csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")):
            yield (row["corpus"], row["id"], 0, int(row["start"]), int(row["end"])), row


def _agreed(votes: list[dict[str, int]]) -> Row:
    names = sorted({name for vote in votes for name in vote})
    out: Row = {}
    for name in names:
        given = {vote.get(name) for vote in votes}
        if len(given) == 1:
            out[name] = given.pop()
    return out


def _texts(wanted: Iterable[tuple[str, str, int]], data: Path, folder: Path) -> dict[tuple[str, str, int], str]:
    keys = set(wanted)
    found: dict[tuple[str, str, int], str] = {}
    for corpus, identity, _, text in documents(folder):
        key = (corpus.rsplit("/", 1)[0] if corpus.startswith("reddit/") else corpus, identity, 0)
        if key in keys:
            found[key] = text
    for kind in ("self_harm", "sexual", "violence", "hard_negatives"):
        for row in weak(data, kind):
            found[f"reddit-weak-2013/{kind}", str(row["id"]), int(str(row["i"]))] = str(row["text"])
    found.update(_numbered(data))
    return {key: found[key] for key in keys if key in found}


def _numbered(data: Path) -> dict[tuple[str, str, int], str]:
    """Records that have no id of their own are known by their line or row number."""
    out: dict[tuple[str, str, int], str] = {}
    for name in _RTP:
        for number, line in enumerate(read_text(data / "rtp-subset" / f"{name}.jsonl").splitlines()):
            record = json.loads(line)
            out[f"rtp-subset/{name}", str(number), 0] = record["prompt"]["text"] + record["continuation"]["text"]
    for number, line in enumerate(read_text(data / "hh-harmless-test" / "test.jsonl").splitlines()):
        out["hh-harmless-test", str(number), 0] = json.loads(line)["chosen"]
    table = io.StringIO(read_text(data / "edos" / "edos_labelled_aggregated.csv"), newline="")
    for number, row in enumerate(csv.DictReader(table)):
        out["edos", str(number), 0] = row["text"]
    return out
