"""The parts of the kernel one by one, against plain Python and the library."""

from __future__ import annotations

import random
import re
from pathlib import Path

import fasttext
import numpy as np
import pytest

from tamis.classifiers.fasttext_features import Tables, _bucket_row, features
from tamis.classifiers.fasttext_index import index_buckets, index_words, number_of
from tamis.classifiers.fasttext_loss import LabelTree, Loss, label_tree, scores
from tamis.classifiers.fasttext_model import FastTextModel
from tamis.classifiers.fasttext_product import multiply, multiply_as_library
from tamis.classifiers.fasttext_words import tokenise, word_hash
from tamis.classifiers.fasttext_write import Layout, write

NO_TREE = LabelTree(np.empty(0, np.int32), np.empty(0, np.int32))


def as_bytes(text: str) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(text.encode(), np.uint8)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        (" \t\0\v\f\r\n", []),
        ("one", ["one"]),
        (" one\ttwo\0three\n", ["one", "two", "three"]),
        ("né\u00a0ne \u2003 \x1c\x1f", ["né\u00a0ne", "\u2003", "\x1c\x1f"]),  # white space elsewhere, not for fastText
        ("one </s> two", ["one"]),
        ("</s>", []),
        ("</s>a a</s> <s>/", ["</s>a", "a</s>", "<s>/"]),
    ],
)
def test_tokens_end_at_the_library_s_white_space(text: str, tokens: list[str]) -> None:
    data = as_bytes("xx" + text + "yy")  # what is around the text is not read
    start, end = np.zeros(40, np.int64), np.zeros(40, np.int64)
    n = tokenise(data, 2, data.size - 2, start, end, np.zeros(40, np.uint64))
    found = [data[a:b].tobytes().decode() for a, b in zip(start[:n], end[:n], strict=True)]
    assert found == tokens


def test_tokens_of_long_texts_and_their_keys() -> None:
    chance = random.Random(3)
    words = ["".join(chance.choices("aé語", k=chance.randrange(1, 30))) for _ in range(300)]
    spaces = ["".join(chance.choices(" \t\0\v\f\r\n", k=chance.choice([1, 2, 70]))) for _ in words]
    room = 40 * len(words)
    for lead in ("", " " * 63, "x" * 64):
        text = as_bytes(lead + "".join(word + space for word, space in zip(words, spaces, strict=True)))
        start, end, keys = np.zeros(room, np.int64), np.zeros(room, np.int64), np.zeros(room, np.uint64)
        for last in range(text.size - 90, text.size + 1):
            expected = re.findall(rb"[^ \t\0\v\f\r\n]+", text[1:last].tobytes())
            n = tokenise(text, 1, last, start, end, keys)
            assert [text[a:b].tobytes() for a, b in zip(start[:n], end[:n], strict=True)] == expected
            assert keys[:n].tolist() == [key_of(word) for word in expected]


def key_of(word: bytes) -> int:
    """The key of a word as plain Python."""
    parts = [int.from_bytes(word[at : at + 8], "little") for at in range(0, max(16, len(word)), 8)]
    key = parts[0] * 0x9E3779B97F4A7C15 % 2**64
    for i, part in enumerate(parts[1:]):
        key = (key ^ key >> 32 ^ part ^ (0 if i else len(word))) * 0x9E3779B97F4A7C15 % 2**64
    return key


@pytest.mark.parametrize("bucket", [1, 2, 3, 7, 65536, 240_000, 2_000_000, 2**31 - 1])
def test_the_bucket_of_a_hash_is_its_remainder(bucket: int) -> None:
    tables = Tables(
        slots=np.zeros((64, 2), np.uint64), kept=np.zeros((0, 2), np.int32), pruned=False, n_words=0,
        end=np.int64(-1), end_hash=np.int32(0), bucket=bucket, inverse=np.uint64((2**64 - 1) // bucket),
        word_ngrams=2, minn=1, maxn=0,
    )  # fmt: skip
    chance = random.Random(bucket)
    edges = [0, bucket, 2**63, 2**64 // bucket * bucket, 2**64 - 1]
    states = [value % 2**64 for edge in edges for value in (edge - 1, edge, edge + 1)]
    for state in states + [chance.randrange(2**64) for _ in range(200)]:
        assert _bucket_row(np.uint64(state), tables) == state % bucket


@pytest.mark.parametrize("word", ["", "a", "word", "né", "語😀"])
def test_the_hash_takes_bytes_as_signed(word: str) -> None:
    state = 2166136261
    for byte in word.encode():
        signed = byte - 256 if byte > 127 else byte
        state = (state ^ (signed % 2**32)) * 16777619 % 2**32
    assert word_hash(as_bytes(word)) % 2**32 == state


def test_words_are_found_by_their_bytes() -> None:
    words = [f"word{i}" for i in range(500)] + ["", "w", "wörd"]
    entries = as_bytes("".join(word + "0123456789" for word in words))
    start = np.cumsum([0, *(len(word.encode()) + 10 for word in words)])
    slots = index_words(entries, start, 10)
    assert [number_of(as_bytes(word), slots) for word in words] == list(range(len(words)))
    assert {int(number_of(as_bytes(word), slots)) for word in ("word", "word500", "word1 ", "W", "wörd\0")} == {-1}
    assert slots.shape == (1024, 2)


def test_kept_buckets_keep_their_rows() -> None:
    pairs = np.array([[5, 0], [69, 1], [133, 2], [2**31 - 2, 3]], np.int32)  # the first three share a slot
    kept = index_buckets(pairs)
    assert sorted(kept[kept[:, 0] > 0].tolist()) == [[6, 0], [70, 1], [134, 2], [2**31 - 1, 3]]
    assert index_buckets(np.zeros((0, 2), np.int32)).any() == 0


def test_features_are_the_library_s(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("__label__a one two née\n__label__b three née one\n", "utf-8")
    library = fasttext.train_supervised(
        str(tmp_path / "train.txt"), minn=2, maxn=4, bucket=50, dim=2, thread=1, verbose=0
    )
    library.save_model(str(tmp_path / "model.bin"))
    model = FastTextModel.from_file(tmp_path / "model.bin")
    for word in ("one", "née", "unknown", "é", "x", "😀é"):
        data = as_bytes(word)
        rows, ends = features(data, np.array([0, data.size]), np.array([0]), model._tables)
        assert rows.tolist() == [*library.get_subwords(word)[1], library.get_word_id("</s>")]
        assert ends.tolist() == [0, rows.size]


@pytest.mark.parametrize(
    ("logit", "expected"),
    [
        (-1e30, 1e-5),
        (-8.001, 1e-5),
        (-8.0, 0.00033535 + 1e-5),
        (0.0, 0.5 + 1e-5),
        (0.031, 0.5 + 1e-5),  # a step is 1/32 wide, and takes the value at its lower end
        (1 / 32, 0.50781186 + 1e-5),
        (-1e-9, 0.5 + 1e-5),  # lost when 8 is added in single precision, as in the library
        (8.0, 0.99966465 + 1e-5),
        (8.001, 1.0),
    ],
)
def test_the_sigmoid_has_the_library_s_steps(logit: float, expected: float) -> None:
    found = scores(Loss.ONE_VS_ALL, np.array([[logit]], np.float32), NO_TREE)
    np.testing.assert_allclose(found, expected, atol=2e-8)


def test_unknown_texts_stay_unscored() -> None:
    logits = np.array([[0, 0], [np.nan, np.nan]], np.float32)
    for loss in Loss:
        found = scores(loss, logits, label_tree([1, 1]))
        np.testing.assert_allclose(found[0], 0.5 + 1e-5, atol=1e-6)
        assert np.isnan(found[1]).all()


def test_the_label_tree_joins_the_rarest_first() -> None:
    tree = label_tree([10, 4, 3, 2])
    assert tree.left.tolist() == [3, 1, 5]  # 3 and 2 make node 4, 4 and node 4 make node 5, and the root is node 6
    assert tree.right.tolist() == [2, 4, 0]
    assert [len(side) for side in label_tree([7])] == [0, 0]


def test_products() -> None:
    rng = np.random.default_rng(1)
    rows, output = rng.normal(size=(7, 5)).astype(np.float32), rng.normal(size=(3, 5)).astype(np.float32)
    padded = multiply(rows, output, 8)
    np.testing.assert_allclose(padded[:, :3], rows @ output.T, rtol=1e-5, atol=1e-6)
    assert not padded[:, 3:].any()
    norms = np.array([1, 2, 0.5], np.float32)
    product = multiply_as_library(rows, np.array([0, 3, 7]), output, norms)
    expected = np.stack([rows[:3].mean(0), rows[3:].mean(0)]) @ output.T * norms
    np.testing.assert_allclose(product, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n_labels", [1, 8, 9, 16, 17, 31, 32, 33])
def test_rows_of_any_width_are_added_up_alike(n_labels: int, tmp_path: Path) -> None:
    rows = np.random.default_rng(n_labels).normal(size=(4, n_labels))
    labels = [f"l{i}" for i in range(n_labels)]
    write(tmp_path / "m.bin", ["</s>", "a", "b", "c"], rows, labels, Layout(word_ngrams=1, bucket=0))
    text = as_bytes("a b b c")
    found = FastTextModel.from_file(tmp_path / "m.bin").logits(text, np.array([0, text.size]))
    np.testing.assert_allclose(found, [rows[[1, 2, 2, 3, 0]].mean(axis=0)], rtol=1e-5, atol=1e-6)
