from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.classifiers.errors import BundleError
from tamis.classifiers.linear_model import LinearClassifier, LinearParameters, features, load, quantise
from tamis.classifiers.npz import read_arrays, write_arrays
from tamis.classifiers.passages import Passages, split

MASK = 2**64 - 1
CHAIN = 0x9E3779B97F4A7C15
TEXTS = [
    "The gate was open, and the garden smelled of rain after a long dry summer.",
    "Naïve café owners in Zürich — they said: “never again”!",
    "a",
    "",
    "   ",
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "eight888 sixteen_letters16 seventeen_letters",
    "день за днём 日本語の文章 😂😂",
    "rain rain rain rain rain",
]
SETTINGS = [
    {},
    {"word_ngrams": [1, 1], "char_ngrams": None, "norm": "mean"},
    {"word_ngrams": None, "char_ngrams": [2, 4], "norm": "none"},
    {"word_ngrams": [2, 3], "char_ngrams": [1, 1], "buckets": 64},
    {"word_ngrams": [1, 5], "char_ngrams": None, "buckets": 2},
]


def token_hash(token: bytes) -> int:
    value = 0xCBF29CE484222325
    for at in range(0, len(token), 8):
        value = (value ^ int.from_bytes(token[at : at + 8], "big")) * CHAIN & MASK
        value ^= value >> 32
    return value


def character_hash(gram: bytes) -> int:
    value = 0x9AE16A3B2F90404F
    for byte in gram:
        value = (value ^ byte) * 0x100000001B3 & MASK
    return value


def bucket(value: int, bits: int) -> int:
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & MASK
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return (value ^ value >> 33) >> (64 - bits)


def plain_features(text: str, made: LinearParameters) -> list[int]:
    """The n-grams of a normalised text, as plainly as can be."""
    tokens = text.encode().translate(bytes([*[32] * 33, *range(33, 256)])).split()
    hashes = []
    for size in range(made.words[0], made.words[1] + 1):
        for first in range(len(tokens) - size + 1):
            value = 0
            for token in tokens[first : first + size]:
                value = (value * CHAIN + token_hash(token)) & MASK
            hashes.append(value)
    for token in tokens:
        marked = f"<{token.decode()}>"
        for size in range(made.characters[0], made.characters[1] + 1):
            hashes += [character_hash(marked[i : i + size].encode()) for i in range(len(marked) - size + 1)]
    return sorted(bucket(value, made.bits) for value in hashes)


def classifier(values, n=3, seed=0):
    made = LinearParameters.of({**values, "categories": [f"c{i}" for i in range(n)]})
    rng = np.random.default_rng(seed)
    weights, scale = quantise(rng.normal(size=(2**made.bits, n)))
    return LinearClassifier(made, weights, scale, rng.normal(size=n).astype(np.float32)), weights * scale


@pytest.mark.parametrize("values", SETTINGS)
@settings(max_examples=100, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(TEXTS))
def test_features_are_those_of_the_definition(values, text):
    passages = Passages.of([text])
    made = LinearParameters.of({**values, "norm": "none"})
    row = features(passages, {**values, "norm": "none"})
    found = np.repeat(row.indices, row.data.astype(int))
    normalised = passages.buffer("none")[0].tobytes().decode()
    assert sorted(found.tolist()) == plain_features(normalised, made)


@pytest.mark.parametrize("values", SETTINGS)
@pytest.mark.parametrize("n", [1, 8, 9])
@pytest.mark.parametrize("normaliser", ["none", "web-1"])
def test_scores_are_features_times_weights(values, n, normaliser):
    passages = Passages.of(TEXTS)
    values = {**values, "normaliser": normaliser}
    model, weights = classifier(values, n)
    matrix = features(passages, values)
    logits = matrix @ weights + model._intercept
    known = np.diff(matrix.indptr) > 0
    scores = model.score(passages)
    assert np.abs(scores[known] - 1 / (1 + np.exp(-logits[known]))).max() < 1e-5
    assert np.isnan(scores[~known]).all()
    assert scores.dtype == np.float32


def test_norms():
    counts = {
        norm: features(Passages.of(["a b c d"]), {"char_ngrams": None, "norm": norm})
        for norm in ("sqrt", "mean", "none")
    }
    assert {norm: row.data.max() for norm, row in counts.items()} == {
        "sqrt": pytest.approx(7**-0.5),
        "mean": pytest.approx(1 / 7),
        "none": 1,
    }


def test_scores_do_not_depend_on_what_was_scored_before():
    texts = [f"word{i} another{i * 7} {'long' * (i % 6)} end" for i in range(500)]
    model, _ = classifier({})
    together = model.score(Passages.of(texts))
    again = model.score(Passages.of(texts[::-1]))[::-1]
    fresh = np.concatenate([classifier({})[0].score(Passages.of([text])) for text in texts[:20]])
    assert np.array_equal(together, again)
    assert np.array_equal(together[:20], fresh)


def test_threads_score_alike():
    passages = split(TEXTS * 50)
    model, _ = classifier({})
    results = []
    threads = [threading.Thread(target=lambda: results.append(model.score(passages))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(result, results[0], equal_nan=True) for result in results)


def test_small_weights_are_dropped_and_large_ones_kept():
    weights, scale = quantise(np.array([[1.0, -4.0], [0.01, 0.0], [-0.5, 2.0]]), keep=0.05)
    assert (weights * scale).tolist() == pytest.approx(np.array([[1, -4], [0, 0], [-0.504, 2.016]]), abs=1e-2)
    assert weights.dtype == np.int8


def saved(folder, **changes):
    values = {"categories": ["c0", "c1"], "buckets": 64, **changes}
    arrays = {
        "weights": np.arange(128, dtype=np.int8).reshape(64, 2),
        "scale": np.full(2, 0.01, np.float32),
        "intercept": np.zeros(2, np.float32),
    }
    write_arrays(folder / "weights.npz", arrays)
    return json.loads(json.dumps(values)), arrays


def test_a_saved_model_is_read_back(tmp_path):
    values, arrays = saved(tmp_path)
    model = load(tmp_path, values)
    assert model.categories == ("c0", "c1")
    assert np.array_equal(model._weights[:, :2], arrays["weights"])
    first = (tmp_path / "weights.npz").read_bytes()
    saved(tmp_path)
    assert (tmp_path / "weights.npz").read_bytes() == first


@pytest.mark.parametrize(
    "changes",
    [
        {"buckets": 63},
        {"buckets": 2**25},
        {"buckets": 128},
        {"buckets": "64"},
        {"norm": "l2"},
        {"word_ngrams": [0, 2]},
        {"word_ngrams": [2, 1]},
        {"word_ngrams": [1, 6]},
        {"word_ngrams": 2},
        {"char_ngrams": [1, 9]},
        {"file": "../weights.npz"},
        {"file": "other.npz"},
        {"categories": ["c0"]},
        {"colour": "red"},
    ],
)
def test_wrong_parameters(tmp_path, changes):
    values, _ = saved(tmp_path, **changes)
    with pytest.raises(BundleError):
        load(tmp_path, values)


@pytest.mark.parametrize(
    "wrong", ["pickled", "cut", "empty", "other type", "other shape", "missing", "further", "infinite", "flipped"]
)
def test_wrong_files(tmp_path, wrong):
    values, arrays = saved(tmp_path)
    path = tmp_path / "weights.npz"
    if wrong == "pickled":
        np.savez(path, weights=np.array([{"a": 1}], dtype=object), scale=arrays["scale"], intercept=arrays["intercept"])
    elif wrong == "cut":
        path.write_bytes(path.read_bytes()[:-30])
    elif wrong == "empty":
        path.write_bytes(b"")
    elif wrong == "flipped":
        data = bytearray(path.read_bytes())
        data[len(data) // 3] ^= 0x55
        path.write_bytes(data)
    else:
        changed = {
            "other type": {"weights": arrays["weights"].astype(np.int16)},
            "other shape": {"weights": arrays["weights"].reshape(32, 4)},
            "infinite": {"scale": np.full(2, np.inf, np.float32)},
            "further": {"more": np.zeros(1)},
            "missing": {},
        }[wrong]
        kept = {name: value for name, value in arrays.items() if wrong != "missing" or name != "scale"}
        write_arrays(path, {**kept, **changed})
    with pytest.raises(BundleError):
        load(tmp_path, values)


def test_nothing_large_is_unpacked(tmp_path):
    path = tmp_path / "weights.npz"
    write_arrays(path, {"weights": np.zeros(10_000_000, np.int8)})
    assert path.stat().st_size < 20_000
    with pytest.raises(BundleError, match="takes 10000128 bytes"):
        read_arrays(path, {"weights": (np.dtype(np.int8), (64, 2))})
