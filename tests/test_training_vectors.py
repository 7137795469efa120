"""Word vectors: words that keep the same company lie close; files of other tools are read; bad ones are named."""

from __future__ import annotations

import numpy as np
import pytest

from tamis.classifiers.errors import UsageError
from tamis.classifiers.training_vectors import make_vectors, read_vectors, write_vectors


def _lines(rows=6000):
    rng = np.random.default_rng(0)
    groups = [[f"{name}{i}" for i in range(20)] for name in ("sea", "stone", "bread")]
    return [" ".join(rng.choice(groups[i % 3], 9)) for i in range(rows)]


def test_words_of_the_same_company_are_alike():
    made = make_vectors(_lines(), dim=3)
    assert len(made) == 60
    near, far = made["sea1"] @ made["sea2"], made["sea1"] @ made["stone2"]
    assert near > far + 0.5
    assert np.linalg.norm(made["bread3"]) == pytest.approx(1, abs=1e-5)


def test_the_same_text_gives_the_same_vectors():
    first, second = (make_vectors(_lines(900), dim=8, seed=3) for _ in range(2))
    assert list(first) == list(second)
    np.testing.assert_array_equal(np.stack(list(first.values())), np.stack(list(second.values())))


def test_what_is_written_is_read(tmp_path):
    made = make_vectors(_lines(900), dim=8)
    write_vectors(tmp_path / "a" / "v.vec", made)
    found = read_vectors(tmp_path / "a" / "v.vec")
    assert list(found) == list(made)
    np.testing.assert_allclose(np.stack(list(found.values())), np.stack(list(made.values())), atol=1e-4)


def test_the_spaces_that_fasttext_writes_at_line_ends_are_read(tmp_path):
    (tmp_path / "v.vec").write_text("2 3\nthe 0.1 0.2 0.3 \ncafé 1 -2 3e-1 \n")
    assert read_vectors(tmp_path / "v.vec")["café"].tolist() == pytest.approx([1, -2, 0.3])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("the 0.1 0.2 0.3\n", "found no size in line 1"),
        ("1 3\nthe 0.1 0.2\n", "no word with 3 numbers"),
        ("1 2\nthe 0.1 x\n", "no word with 2 numbers"),
        ("one two\n", "no word with two numbers|expected a .vec"),
        (b"1 2\n\xff\xfe 1 2\n", "cannot be read"),
    ],
)
def test_another_file_is_named(tmp_path, text, message):
    path = tmp_path / "v.vec"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=message):
        read_vectors(path)


def test_too_little_text_is_said():
    with pytest.raises(UsageError, match="expected at least 100"):
        make_vectors(["a b c"] * 20, dim=100)
