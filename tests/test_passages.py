from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.classifiers import passages_kernel
from tamis.classifiers.errors import UsageError
from tamis.classifiers.passages import Passages, split
from tamis.classifiers.utf8_kernel import unusual

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
PROSE = st.text(st.sampled_from('aé中𝒜 .!?。"”\n\r\t\u2028\x85\u00a0\ud800'), max_size=300)
TEXTS = st.lists(ANY_TEXT | PROSE, max_size=6)


def check_partition(passages: Passages, target: int) -> None:
    for i, text in enumerate(passages.texts):
        first, last = passages.document[i], passages.document[i + 1]
        start, end = passages.start[first:last], passages.end[first:last]
        assert (last > first) == bool(text)
        assert start[:1].tolist() == ([0] if text else [])
        assert start[1:].tolist() == end[:-1].tolist()
        assert end[-1:].tolist() == ([len(text)] if text else [])
        assert (end > start).all()
        assert (end - start <= 2 * target).all()
    assert passages.document[0] == 0
    assert passages.document[-1] == len(passages)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(1, 40))
def test_passages_partition_each_document(texts, target):
    passages = split(texts, target)
    check_partition(passages, target)
    assert "".join(passages) == "".join(texts)
    assert list(passages) == [passages[i] for i in range(len(passages))]
    assert passages.words.tolist() == [len(text.split()) for text in texts]


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.integers(1, 40))
def test_bytes_and_characters_cut_at_the_same_places(texts, target):
    passages = split(texts, target)
    pieces = [passages.data[a:b].tobytes() for a, b in pairwise(passages.bounds)]
    assert [piece.decode("utf-8", "surrogatepass") for piece in pieces] == list(passages)


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.integers(1, 40))
def test_a_document_is_cut_the_same_way_in_any_batch(texts, target):
    together = split(texts, target)
    alone = [split([text], target).end.tolist() for text in texts]
    assert together.end.tolist() == [end for ends in alone for end in ends]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("short", ["short"]),
        ("x" * 15, ["x" * 15]),
        ("x" * 45, ["x" * 20, "x" * 20, "x" * 5]),
        ("one two three four five", ["one two ", "three four five"]),
        ("First. Then more words go on", ["First. ", "Then more ", "words go on"]),
        ("He said “go.” She went on and on", ["He said “go.” ", "She went ", "on and on"]),
        ("Aa. Bb\n\nCc dd ee. Ff gg hh ii", ["Aa. Bb\n\n", "Cc dd ee. ", "Ff gg hh ii"]),
        ("abc def\nghi jkl mno pqr", ["abc def\n", "ghi jkl mno pqr"]),
        ("日本語です。次の文はここから始まります。", ["日本語です。", "次の文はここから始まります。"]),
    ],
)
def test_breaks(text, expected):
    assert list(split([text], 10)) == expected


def test_a_huge_line_is_cut_in_bounded_passages():
    text = "word " * 400_000 + "é" * 100_000
    passages = split([text])
    check_partition(passages, 400)
    assert passages.words.tolist() == [400_001]


def test_each_text_is_one_passage_of_its_own():
    passages = Passages.of(["", "a b", "é" * 5000, "\ud800"])
    assert list(passages) == ["", "a b", "é" * 5000, "\ud800"]
    assert passages.document.tolist() == [0, 1, 2, 3, 4]
    assert passages.words.tolist() == [0, 2, 1, 1]


@pytest.mark.parametrize("index", [-1, 2])
def test_there_is_no_passage_beyond_the_last(index):
    with pytest.raises(IndexError, match=r"passage -?\d of 2"):
        Passages.of(["a", "b"])[index]


def test_the_buffer_is_computed_once():
    passages = split(["a\nb", "c\u2028d\ud800", ""])
    data, bounds = passages.buffer("none")
    assert data.tobytes() == b"a bc d "
    assert bounds.tolist() == [0, 3, 7]
    assert passages.buffer("none")[0] is data


def test_no_documents():
    passages = split([])
    assert len(passages) == 0
    assert passages.buffer("none")[1].tolist() == [0]
    assert passages.document.dtype == np.int64


@pytest.mark.parametrize("call", [lambda: split(["a"], 0), lambda: split(["a"]).buffer("web-0")])
def test_wrong_arguments(call):
    with pytest.raises(UsageError):
        call()


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.data())
def test_a_part_is_what_its_documents_alone_would_be(texts, data):
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts))), np.bool_)
    passages = split(texts, 10)
    part = passages.part(chosen)
    alone = split([text for text, wanted in zip(texts, chosen, strict=True) if wanted], 10)
    for name in ("document", "start", "end", "words", "data", "bounds"):
        assert getattr(part, name).tolist() == getattr(alone, name).tolist()
    assert list(part) == list(alone)
    assert passages.part(chosen.copy()) is part


@pytest.mark.parametrize("chosen", [[True, False, True, True], [False, True, False, False], [False] * 4])
@pytest.mark.parametrize("first", [True, False])
def test_a_part_normalises_to_what_it_would_alone(chosen, first):
    texts = ["One plain text. " * 40, "H4te and sh!t", "", "Ünï cödé\u200b here " * 60]
    whole = split(texts)
    if first:
        whole.buffer("web-1")
    data, bounds = whole.part(np.array(chosen)).buffer("web-1")
    alone, alone_bounds = split([text for text, kept in zip(texts, chosen, strict=True) if kept]).buffer("web-1")
    assert data.tobytes() == alone.tobytes()
    assert bounds.tolist() == alone_bounds.tolist()


def looked_at_one_by_one(text: str, target: int) -> list[str]:
    """Cuts a text by the scan over each character alone, as Python."""
    data = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    places = np.empty((passages_kernel.PARAGRAPH + 1, 2, 2), np.int64)
    low, at, done, pieces = max(1, target // 2), 0, 0, []
    while done < len(text):
        size, width = len(text) - done, data.size - at
        if size > target + target // 2:
            high = min(2 * target, size - low)
            seen = passages_kernel._scan.py_func(data, at, low, target, high, places)
            size, width = passages_kernel._best.py_func(places, target, *seen)
        pieces.append(text[done : done + size])
        at, done = at + width, done + size
    return pieces


# Each is a mixture of characters that make breaks, or nearly do: with few and with many breaks, in ASCII and beyond.
MIXTURES = [
    "abcdefgh     .\n",
    "ab.!?\"')]}*_ \t\n\x0b\x1f\x00",
    "\n ",
    "....)) \n",
    "x" * 200 + " .",
    "x" * 60 + "\n",
    "aé中𝒜”’»』 …x…\n\n",
    "ééééé中中 .…\u2026\u200b\xa6¦ \n",
    "words.” more’ »\ud800\udfff\n",
    "éa .\n\u2028\x85\u00a0\u3000。！？؟۔।",
]


@pytest.mark.parametrize("mixture", MIXTURES)
@pytest.mark.parametrize("target", [1, 2, 7, 33, 400])
def test_breaks_are_those_of_a_look_at_each_character(mixture, target):
    chance = random.Random(target)
    texts = ["".join(chance.choices(mixture, k=chance.randrange(8 * target + 40))) for _ in range(12)]
    expected = [piece for text in texts for piece in looked_at_one_by_one(text, target)]
    assert list(split(texts, target)) == expected


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=()) | st.sampled_from(" .…”\n"), max_size=300), st.integers(1, 40))
def test_breaks_of_any_text_are_those_of_a_look_at_each_character(text, target):
    assert list(split([text], target)) == looked_at_one_by_one(text, target)


def test_every_white_space_and_sentence_end_beyond_those_looked_for_is_unusual():
    for code in range(128, 0x10000):  # beyond, no character makes a break
        text = "a" * 40 + chr(code)
        data = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
        kind = passages_kernel._wide_class(passages_kernel._code(data, 40))
        rare = kind not in (passages_kernel.OTHER, passages_kernel.CLOSE) and text[-1] != "…"
        if rare:
            assert unusual(data, np.uint64(0), np.uint64(data.size))
            assert unusual(data, np.uint64(40), np.uint64(data.size))


@pytest.mark.parametrize("mixture", MIXTURES)
def test_words_are_those_of_python(mixture):
    chance = random.Random(7)
    texts = ["".join(chance.choices(mixture, k=size)) for size in range(120)]
    assert split(texts, 400).words.tolist() == [len(text.split()) for text in texts]
