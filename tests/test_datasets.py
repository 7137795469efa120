from __future__ import annotations

import gzip

import numpy as np
import pytest

from tamis.classifiers.datasets import LabelledSet, concatenate, read, resolve
from tamis.classifiers.errors import UsageError

CATEGORIES = ("hate", "self_harm")


def test_an_empty_cell_is_unknown_in_both_formats(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "one", "hate": 1}\n{"text": "two", "hate": null, "self_harm": 0}\n')
    (tmp_path / "b.csv").write_text('text,hate,self_harm\none,1,\n"two",,0\n')
    for name in ("a.jsonl", "b.csv"):
        found = read(tmp_path / name, CATEGORIES)
        np.testing.assert_array_equal(found.labels, [[1, np.nan], [np.nan, 0]])
        assert found.known("hate").tolist() == [True, False]
        assert found.sources == [name[0], name[0]]


def test_gz_declared_source_group_and_identity_are_read(tmp_path):
    row = b'{"text": "x", "hate": 0, "source": "s", "group": "g", "identity": "gay"}\n'
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(row))
    found = read(tmp_path / "a.jsonl.gz", CATEGORIES)
    assert (found.sources, found.groups, found.identities) == (["s"], ["g"], ["gay"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"text": "ok", "hate": 1}\n{"text": "\xff"}\n', "a.jsonl:2: byte .* is not UTF-8"),
        ("a.jsonl", b'{"text": "ok", "hate": 2}\n', "a.jsonl:1: hate: .* none of 1, 0 or empty"),
        ("a.jsonl", b"not json\n", "a.jsonl:1: not a JSON value"),
        ("a.jsonl", b'{"txt": "ok"}\n', "string `text`"),
        ("a.jsonl", b"", "found no rows"),
        ("a.csv", b"sentence,hate\nx,1\n", "expected one named `text`"),
        ("a.tsv", b"text\thate\n", "neither .jsonl nor .csv"),
        ("a.csv.gz", b"no gzip", "cannot be read"),
    ],
)
def test_bad_input_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read(tmp_path / name, CATEGORIES)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.jsonl: cannot be read"):
        read(tmp_path / "none.jsonl", CATEGORIES)


def _set(rows):
    return LabelledSet(CATEGORIES, [t for t, _ in rows], np.array([v for _, v in rows], np.float32), ["s"] * len(rows))


def test_equal_texts_are_joined_and_their_labels_too():
    found = resolve(_set([("A  b", [1, np.nan]), ("c", [0, 0]), ("a B", [np.nan, 0])]))
    assert found.texts == ["A  b", "c"]
    np.testing.assert_array_equal(found.labels, [[1, 0], [0, 0]])


def test_contradictory_labels_are_refused_or_left_out():
    rows = _set([("a secret", [1, 0]), ("A secret", [0, 0])])
    with pytest.raises(UsageError, match="contradictory labels: 1 text") as caught:
        resolve(rows)
    assert "secret" not in str(caught.value)
    np.testing.assert_array_equal(resolve(rows, "unknown").labels, [[np.nan, 0]])


def test_no_source_at_all_is_an_error():
    with pytest.raises(UsageError, match="at least one source"):
        concatenate([])
