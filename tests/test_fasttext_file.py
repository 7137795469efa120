"""A damaged model is refused with a message: it never crashes, hangs, allocates absurdly or scores nonsense."""

from __future__ import annotations

import itertools
import random
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pytest

from tamis.classifiers.errors import BundleError
from tamis.classifiers.fasttext_file import ENTRY, Loss, read
from tamis.classifiers.fasttext_model import FastTextModel
from tamis.classifiers.line_kernel import one_line
from tamis.classifiers.passages import Passages

WORDS = [f"{a}{b}{c}" for a in ("ha", "né", "to") for b in "aeiou" for c in ("r", "lm", "ß", "ng", "sk", "t", "x", "y")]

#: Offsets in a model file (see the layout in `fasttext_file`).
VERSION, DIM, NGRAMS, LOSS, MODEL, BUCKET, MINN, MAXN, ENTRIES, N_WORDS, N_LABELS, PRUNED = (
    4, 8, 28, 32, 36, 40, 44, 48, 64, 68, 72, 84
)  # fmt: skip

KINDS: dict[str, dict[str, Any] | None] = {
    "dense": None,
    "quantised": {"qnorm": True},
    "pruned": {"cutoff": 300, "qnorm": True, "dsub": 3},
}


def read_as_it_is(texts):
    """Texts as lines, with fastText's end marker in them: the normaliser `none` would break it up."""
    passages = Passages.of(texts)
    return one_line(passages.data, passages.bounds)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small model of each kind."""
    folder = tmp_path_factory.mktemp("models")
    rng = random.Random(2)
    lines = [f"__label__{rng.choice('abc')} " + " ".join(rng.choices(WORDS, k=12)) for _ in range(400)]
    (folder / "train.txt").write_text("\n".join(lines) + "\n", "utf-8")
    paths = {}
    for kind, quantising in KINDS.items():
        model = fasttext.train_supervised(
            str(folder / "train.txt"), dim=5, bucket=300, wordNgrams=2, minn=2, maxn=3, loss="ova", epoch=3, thread=1,
            verbose=0,
        )  # fmt: skip
        if quantising is not None:
            model.quantize(str(folder / "train.txt"), verbose=0, thread=1, **quantising)
        paths[kind] = folder / f"{kind}.bin"
        model.save_model(str(paths[kind]))
    return paths


@pytest.fixture
def damaged(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes the bytes of a model to a file."""

    def write(content: bytes) -> Path:
        path = tmp_path / "damaged.bin"
        path.write_bytes(content)
        return path

    return write


def poked(content: bytes, offset: int, layout: str, value: float) -> bytes:
    """Replaces a number in a file."""
    raw = struct.pack(layout, value)
    return content[:offset] + raw + content[offset + len(raw) :]


def test_a_dense_model_is_read_whole(models: dict[str, Path]) -> None:
    file, library = read(models["dense"]), fasttext.load_model(str(models["dense"]))
    assert (file.settings.dim, file.settings.word_ngrams, file.settings.bucket) == (5, 2, 300)
    assert (file.settings.minn, file.settings.maxn, file.settings.loss) == (2, 3, Loss.ONE_VS_ALL)
    np.testing.assert_array_equal(file.input.take(slice(None)), library.get_input_matrix())
    np.testing.assert_array_equal(file.output.take(slice(None)), library.get_output_matrix())
    words, counts = library.get_words(include_freq=True)
    entries, start = file.dictionary.entries, file.dictionary.start
    assert [entries[a : b - ENTRY].tobytes().decode() for a, b in itertools.pairwise(start)] == [
        *words,
        *library.get_labels(),
    ]
    assert file.dictionary.n_words == len(words) == len(counts)
    assert file.dictionary.labels == tuple(library.get_labels())
    assert file.dictionary.label_counts.tolist() == library.get_labels(include_freq=True)[1].tolist()
    assert file.dictionary.pruned is None


@pytest.mark.parametrize("kind", ["quantised", "pruned"])
def test_the_rows_of_a_quantised_model_are_the_library_s(models: dict[str, Path], kind: str) -> None:
    file, library = read(models[kind]), fasttext.load_model(str(models[kind]))
    expected = np.stack([library.get_input_vector(row) for row in range(file.input.shape[0])])
    np.testing.assert_allclose(file.input.take(slice(None)), expected, rtol=1e-6)
    np.testing.assert_array_equal(file.input.take(np.array([3, 1])), file.input.take(slice(None))[[3, 1]])
    directions, norms = file.input.unscaled()
    np.testing.assert_array_equal(directions * norms[:, None], file.input.take(slice(None)))
    assert file.input.largest() >= np.abs(expected).max()
    assert (file.dictionary.pruned is None) == (kind == "quantised")


def test_models_of_version_11_have_no_character_ngrams(
    models: dict[str, Path], damaged: Callable[[bytes], Path]
) -> None:
    path = damaged(poked(models["dense"].read_bytes(), VERSION, "<i", 11))
    model, library = FastTextModel.from_file(path), fasttext.load_model(str(path))
    text = " ".join(WORDS[:20])
    names, values = library.predict(text, k=-1)
    own = dict(zip(model.labels, model.label_scores(*read_as_it_is([text]))[0].tolist(), strict=True))
    assert [own[name] for name in names] == pytest.approx(values.tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("offset", "layout", "value", "message"),
    [
        (0, "<i", 7, "first number 7, expected 793712314"),
        (VERSION, "<i", 13, "version 13, expected 11 or 12"),
        (DIM, "<i", 0, "dim 0"),
        (DIM, "<i", 6, "input of .* x 5, expected .* x 6"),
        (NGRAMS, "<i", -1, "wordNgrams -1"),
        (NGRAMS, "<i", 2**30, "wordNgrams 1073741824, expected 0 to 64"),
        (LOSS, "<i", 5, "loss 5"),
        (MODEL, "<i", 1, "model type 1, expected 3"),
        (BUCKET, "<i", -5, "bucket -5"),
        (BUCKET, "<i", 0, "bucket 0"),
        (BUCKET, "<i", 2**31 - 1, "input of .* expected 2147483"),
        (MINN, "<i", 65, "minn 65"),
        (MAXN, "<i", -1, "maxn -1"),
        (ENTRIES, "<i", 2**31 - 1, "2147483647 entries"),
        (N_WORDS, "<i", -1, "-1 words"),
        (N_LABELS, "<i", 0, "0 labels"),
        (PRUNED, "<q", 2**62, "bytes of kept buckets"),
        (PRUNED, "<q", -2, "-2 kept buckets"),
        (PRUNED, "<q", 0, "pruned dense model"),
    ],
)
def test_wrong_headers_are_refused(
    models: dict[str, Path], damaged: Callable[[bytes], Path], offset: int, layout: str, value: int, message: str
) -> None:
    with pytest.raises(BundleError, match=message) as caught:
        read(damaged(poked(models["dense"].read_bytes(), offset, layout, value)))
    assert "fetch the file again" in str(caught.value)


def test_entries_that_add_up_but_are_not_there_are_refused(
    models: dict[str, Path], damaged: Callable[[bytes], Path]
) -> None:
    content = models["dense"].read_bytes()
    for size, message in ((10**9, "1000000003 dictionary entries"), (900, "an end after|mixed")):
        content = poked(poked(content, ENTRIES, "<i", size + 3), N_WORDS, "<i", size)
        with pytest.raises(BundleError, match=message):
            read(damaged(content))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e30])
@pytest.mark.parametrize("kind", KINDS)
def test_absurd_weights_are_refused(
    models: dict[str, Path], damaged: Callable[[bytes], Path], kind: str, value: float
) -> None:
    content = models[kind].read_bytes()
    with pytest.raises(BundleError, match=r"a weight of .* in the output"):
        read(damaged(poked(content, len(content) - 4, "<f", value)))


def test_other_contradictions_are_refused(models: dict[str, Path], damaged: Callable[[bytes], Path]) -> None:
    content = models["dense"].read_bytes()
    label = content.index(b"__label__")
    for changed, message in (
        (content + b"\0", "1 bytes after the model"),
        (content.replace(b"__label__b", b"__label__a").replace(b"__label__c", b"__label__a"), "a label twice"),
        (content.replace(b"__label__b", b"__label__\xff"), "not UTF-8"),
        (poked(content, label + 11, "<q", -3), "label counts"),
        (poked(content, label + 19, "<b", 0), "mixed"),
        (b"", "0 bytes before the end"),
    ):
        with pytest.raises(BundleError, match=message):
            read(damaged(changed))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nothing\.bin: the model cannot be read"):
        read(tmp_path / "nothing.bin")


@pytest.mark.parametrize("kind", KINDS)
def test_every_truncation_is_refused(models: dict[str, Path], damaged: Callable[[bytes], Path], kind: str) -> None:
    content = models[kind].read_bytes()
    rng = random.Random(kind)
    sizes = {*range(0, 120, 3), len(content) - 1, *(rng.randrange(len(content)) for _ in range(200))}
    for size in sizes:
        with pytest.raises(BundleError):
            read(damaged(content[:size]))


def mutations(content: bytes, rng: random.Random, n: int) -> Iterator[bytes]:
    """Changes a bit, a byte or a number, half of the time in the header or the dictionary."""
    for _ in range(n):
        mutable = bytearray(content)
        at = rng.randrange(rng.choice([100, 3000, len(content), len(content)]) - 8)
        how = rng.randrange(4)
        if how == 0:
            mutable[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            mutable[at] = rng.randrange(256)
        elif how == 2:
            struct.pack_into("<i", mutable, at, rng.choice([0, -1, 1, 255, 2**31 - 1, -(2**31), rng.randrange(2**31)]))
        else:
            struct.pack_into("<q", mutable, at, rng.choice([0, -1, 2**63 - 1, -(2**63), 2**32, rng.randrange(2**40)]))
        yield bytes(mutable)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mutation_is_refused_or_scores_within_range(
    models: dict[str, Path], damaged: Callable[[bytes], Path], kind: str
) -> None:
    content = models[kind].read_bytes()
    data, bounds = read_as_it_is([" ".join(WORDS), "hat neu </s> été __label__a", WORDS[0]])
    refused = 0
    tracemalloc.start()
    for changed in mutations(content, random.Random(kind), 300):
        try:
            scores = FastTextModel.from_file(damaged(changed)).label_scores(data, bounds)
        except BundleError:
            refused += 1
        else:
            assert np.isfinite(scores[0]).all()
            assert np.nanmin(scores) >= 0
            assert np.nanmax(scores) <= 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6
    assert 30 < refused < 300
