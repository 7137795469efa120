"""Tests of JSON written by machine code, against Python's own."""

from __future__ import annotations

import json
import random
from itertools import pairwise

import numpy as np

from tamis.pipeline.attribute_kernel import STEPS, lines, spans
from tamis.pipeline.scale import DECIMALS


def test_every_score_is_written_as_python_writes_it() -> None:
    steps = np.arange(STEPS + 1)
    assert STEPS == 10**DECIMALS
    data, bounds = spans(np.array([0, STEPS + 1]), steps, steps, steps[:, None], *joined(["k"]))
    expected = ",".join(f"[{step},{step},{step / STEPS!r}]" for step in range(STEPS + 1))
    assert data.tobytes().decode() == f'"k":[{expected}]'
    assert bounds.tolist() == [0, data.size]


def test_spans_of_a_document_stand_together() -> None:
    starts = np.array([0, 10, 2**62, 9])
    steps = np.array([[0, -1, -1], [1, 12345, -1], [-1, STEPS, 3], [-1, -1, -1]])
    document = np.array([0, 0, 2, 2, 3, 4, 4])
    data, bounds = spans(document, starts, starts + 1, steps, *joined(["a", 'b"', "c"]))
    text = data.tobytes().decode()
    assert [text[a:b] for a, b in pairwise(bounds)] == [
        "",
        '"a":[[0,1,0.0],[10,11,1e-05]],"b\\"":[[10,11,0.12345]]',
        "",
        f'"b\\"":[[{2**62},{2**62 + 1},1.0]],"c":[[{2**62},{2**62 + 1},3e-05]]',
        "",
        "",
    ]
    assert spans(np.zeros(1, np.int64), starts[:0], starts[:0], steps[:0], *joined(["a", "b", "c"]))[0].size == 0


def joined(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    encoded = [json.dumps(text, ensure_ascii=False).encode() for text in texts]
    return np.frombuffer(b"".join(encoded), np.uint8), np.cumsum([0, *map(len, encoded)])


def test_lines_are_those_of_an_encoder() -> None:
    chance = random.Random(1)
    keys = ["policy__hate", 'q"__\\ud83d\\ude00', "%d__{}"]
    ids = ["", 'a"b\\', ',"attributes":{', "é\n\0", *(str(i) for i in range(60))]
    numbers = [chance.choice([0, 7, 10, 99, 2**62]) for _ in ids]
    lengths = [chance.choice([0, 9, 10, 12345, 2**62]) for _ in ids]
    steps = [[chance.choice([-1, 0, 3, 10, 99_990, STEPS]) for _ in keys] for _ in ids]
    data, bounds, members = lines(
        *joined(ids), np.array(numbers), np.array(lengths), *joined(keys), np.array(steps, np.int64)
    )
    text = data.tobytes()
    for i, identity in enumerate(ids):
        scores = {key: [[0, lengths[i], step / STEPS]] for key, step in zip(keys, steps[i], strict=True) if step >= 0}
        row = {"id": identity, "row": numbers[i], "attributes": scores}
        expected = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        assert text[bounds[i] : bounds[i + 1]] == expected
        assert text[members[i] : bounds[i + 1]] == expected[expected.rindex(b',"attributes":{') + 15 :]
