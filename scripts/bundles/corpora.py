"""Passages of the corpora: ordinary text as negatives, weak examples, and the passages labelled by reading.

Roles are a function of the document (of the book, for novels), so that no document serves two purposes:
tenths 0–3 train the policy bundle, 4–6 the evaluator, 7–9 are kept for measuring.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import zstandard

from tamis.classifiers.passages import split

from .public_sets import Row, mask, names_a_minor, read_text

#: Posts here are about the categories themselves: they are no safe negatives, and no ordinary text.
TOPICAL = frozenset([
    "suicidewatch", "depression", "mmfb", "bipolarreddit", "bipolar", "selfharm", "sex", "twoxsex",
    "sexpertslounge", "sexpositive", "deadbedrooms", "bigdickproblems", "nofap", "pornfree",
    "creepypasta", "shortscarystories", "offmychest", "confession", "confessions", "r4r",
    "askgaybros", "gunsforsale", "morbidquestions", "theredpill", "rant", "unsentletters",
    "ihaveissues", "asktransgender",
])  # fmt: skip
_ALL: Row = {"sexual": 0, "hate": 0, "harassment": 0, "violence": 0, "self_harm": 0}
_SELF_HARM = re.compile(
    r"\bsuicid(?:e|al)\b(?! squad| sprint| drill| hotline| prevention)|\bkill(?:ing)? myself\b|"
    r"\b(?:end|ending|take|taking) my (?:own )?life\b|\bself[- ]?harm|\bcut(?:ting)? myself\b|"
    r"\bwant(?:ed)? to die\b|\bdon'?t want to (?:be alive|live)\b|\bwish i (?:was|were) dead\b|\boverdos(?:e|ed|ing)\b",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|i've|my|me|myself)\b", re.IGNORECASE)
_FALSE_SELF_HARM = frozenset({"insanityworkout", "24hoursupport", "tf2trade", "killingfloor", "gainit", "crossfit"})
_FALSE_VIOLENCE = frozenset([
    "asoiaf", "dota2trade", "chivalrygame", "spikes", "mecoop", "magicdeckbuilding", "ps3bf3",
    "mw2", "codzombies", "newtotf2", "chefit", "knives", "bugout", "summonerschool", "overclocking",
    "bushcraft", "blacksmith", "survival", "monsterhunter", "dnd", "24hoursupport", "leaves",
])  # fmt: skip


def tenth(document: str) -> int:
    """Role of a document, 0–9, by hash of its id."""
    return hashlib.sha256(f"tamis/{document}".encode()).digest()[0] * 10 // 256


def documents(corpora: Path) -> Iterator[tuple[str, str, str, str]]:
    """(corpus, document id, key that decides the role, text) of every document of the text corpora."""
    for path in sorted((corpora / "reddit").glob("*.jsonl.zst")):
        for row in _zst(path):
            yield (
                f"reddit/{path.name.split('.')[0]}/{row['subreddit']}",
                str(row["id"]),
                str(row["id"]),
                str(row["text"]),
            )
    for path in sorted((corpora / "novels").glob("*.jsonl.zst")):
        for row in _zst(path):
            yield "novels", str(row["id"]), str(row["id"]).rsplit("-", 1)[0], str(row["text"])
    for name in ("valid", "test"):
        raw = gzip.decompress((corpora / "wikitext2" / f"wikitext2-{name}.txt.gz").read_bytes()).decode("utf-8")
        for number, article in enumerate(re.split(r"\n (?== [^=])", raw)):
            key = f"wikitext2-{name}-{number}"
            yield "wikitext2", key, key, article.replace("<unk>", "it")


def negatives(corpora: Path, tenths: range, share: float, name: str) -> Iterator[Row]:
    """Passages of ordinary documents as negatives of every category: a sample of `share` of the passages."""
    for corpus, identity, key, text in documents(corpora):
        if tenth(key) not in tenths or corpus.rsplit("/", 1)[-1].lower() in TOPICAL:
            continue
        for start, passage in passages(text):
            if _share(f"{identity}/{start}") < share * (0.5 if corpus == "novels" else 1.0):
                yield {"text": mask(passage).strip(), **_unsuspicious(passage), "source": name, "group": key}


def _unsuspicious(passage: str) -> Row:
    """Negatives of a passage of ordinary text: unknown, not negative, where a phrase rule fires."""
    out = dict(_ALL)
    if _personal(passage):
        del out["self_harm"]
    if len({m.group().lower() for m in _LEWD.finditer(passage)}) >= 2:
        del out["sexual"]
    if len({m.group().lower() for m in _GORE.finditer(passage)}) >= 4:
        del out["violence"]
    return out


def ordinary(corpora: Path, corpus: str, limit: int) -> Iterator[tuple[str, str, str]]:
    """(document id, forum, text) of held-out documents of a corpus, topical ones too."""
    found = 0
    for name, identity, key, text in documents(corpora):
        if name.split("/")[0] == corpus and tenth(key) >= 7 and found < limit and _share(identity) < 0.5:
            found += 1
            yield identity, name.rsplit("/", 1)[-1], text


def weak_self_harm_phrases(data: Path) -> Iterator[Row]:
    """Posts elsewhere with a phrase of self-harm in the first person."""
    for row in weak(data, "self_harm"):
        name, text = str(row["subreddit"]).lower(), str(row["text"])
        if name != "suicidewatch" and name not in _FALSE_SELF_HARM and _personal(text):
            yield {"text": mask(text), "self_harm": 1, "sexual": 0, "hate": 0, "source": "reddit-self-harm-phrases"}


def weak_sexual(data: Path) -> Iterator[Row]:
    """Passages with several sexual terms, none with a minor-age term."""
    for row in weak(data, "sexual"):
        text = str(row["text"])
        off_topic = str(row["subreddit"]).lower() in {"abrathatfits", "asexuality"}
        if int(str(row["sx"])) >= 3 and not off_topic and not names_a_minor(text):
            yield {"text": mask(text), "sexual": 1, "self_harm": 0, "source": "reddit-sexual-terms"}


def weak_violence(data: Path) -> Iterator[Row]:
    """Passages with several violence terms, without the forums about games and kitchens."""
    for row in weak(data, "violence"):
        if str(row["subreddit"]).lower() not in _FALSE_VIOLENCE and int(str(row["vi"])) >= 3:
            yield {"text": mask(str(row["text"])), "violence": 1, "source": "reddit-violence-terms"}


_LEWD = re.compile(
    r"\b(?:cock|pussy|clit|cum(?:ming)?|blow ?jobs?|orgasm(?:s|ed)?|naked|horny|aroused|erection|thrust(?:ing)?|"
    r"masturbat\w*|vagina|penis|nipples?|foreplay|deepthroat|handjob|anal)\b",
    re.IGNORECASE,
)
_GORE = re.compile(
    r"\b(?:stab(?:bed|bing)|blood(?:y|ied)?|scream(?:ed|ing|s)?|slit|throat|knife|corpses?|bullets?|gun|shot|murder(?:ed)?|"
    r"tortur\w+|beat(?:en|ing)? (?:him|her|me|up)|flesh|strangl\w+|skull|guts|choked|punched|kill(?:ed|ing)?)\b",
    re.IGNORECASE,
)
_FORUMS = {
    "self_harm": frozenset({"suicidewatch"}),
    "sexual": frozenset({"sex", "twoxsex", "sexpertslounge", "sexpositive", "askgaybros", "deadbedrooms", "r4r"}),
    "violence": frozenset({"creepypasta", "shortscarystories", "nosleep", "shortstories", "writingprompts", "dreams"}),
}


def forums(corpora: Path, data: Path, tenths: range, name: str) -> Iterator[Row]:
    """Passages of forums about a category that use its words: labels by membership, of the evaluator's tenths."""
    seen = ((c.rsplit("/", 1)[-1].lower(), k, t) for c, _, k, t in documents(corpora) if c.startswith("reddit/"))
    posts = (
        (str(row["subreddit"]).lower(), str(row["id"]), str(row["text"])) for row in weak(data, "self_harm")
        if row["subreddit"] == "SuicideWatch"
    )  # fmt: skip
    chosen = [(forum, key, text) for forum, key, text in seen if tenth(key) in tenths]
    for forum, key, text in [*chosen, *posts]:
        for _, passage in passages(text):
            category = _by_forum(forum, passage)
            if category and not (category == "sexual" and names_a_minor(passage)):
                yield {"text": mask(passage).strip(), category: 1, "group": key, "source": name}


def _by_forum(forum: str, passage: str) -> str:
    if forum in _FORUMS["self_harm"] and _SELF_HARM.search(passage) and _FIRST_PERSON.search(passage):
        return "self_harm"
    if forum in _FORUMS["sexual"] and len({m.group().lower() for m in _LEWD.finditer(passage)}) >= 2:
        return "sexual"
    if forum in _FORUMS["violence"] and len({m.group().lower() for m in _GORE.finditer(passage)}) >= 4:
        return "violence"
    return ""


def hard_negatives(data: Path, tenths: range, name: str) -> Iterator[Row]:
    """Passages of topical forums that have none of the terms."""
    for row in weak(data, "hard_negatives"):
        if tenth(str(row["id"])) in tenths:
            yield {"text": mask(str(row["text"])), "sexual": 0, "self_harm": 0, "violence": 0, "source": name}


def _personal(text: str) -> bool:
    match = _SELF_HARM.search(text)
    if match is None:
        return False
    around = text[max(0, match.start() - 120) : match.end() + 80]
    return bool(_FIRST_PERSON.search(around))


def weak(data: Path, kind: str) -> Iterator[Row]:
    """The posts that forum and word rules chose for a category."""
    return (json.loads(line) for line in read_text(data / "reddit-weak-2013" / f"{kind}.jsonl").split("\n") if line)


def passages(text: str) -> Iterator[tuple[int, str]]:
    """(offset, text) of each passage of a document."""
    cut = split([text])
    for i in range(len(cut)):
        yield int(cut.start[i]), cut[i]


def _share(key: str) -> float:
    return int.from_bytes(hashlib.sha256(f"sample/{key}".encode()).digest()[:6], "little") / (1 << 48)


def _zst(path: Path) -> Iterator[Row]:
    with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as stream:
        for line in io.TextIOWrapper(stream, "utf-8"):
            yield json.loads(line)
