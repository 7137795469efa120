import json
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.pipeline.canonical import canonical_bytes, digest


class Inner(msgspec.Struct, rename={"b": "bee"}):
    b: float


class Outer(msgspec.Struct):
    z: int
    a: dict[str, Inner]


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ({"b": 1, "a": [1.0, 0.1, 1e16, -0.0, 5e-324]}, b'{"a":[1.0,0.1,1e+16,-0.0,5e-324],"b":1}'),
        ({"é": "\u2028\x00/", "z": None}, '{"z":null,"é":"\u2028\\u0000/"}'.encode()),
        ((True, False, 2**70), b"[true,false,1180591620717411303424]"),
        ({}, b"{}"),
        (np.float64(0.1), b"0.1"),
        (Outer(2, {"x": Inner(0.5)}), b'{"a":{"x":{"bee":0.5}},"z":2}'),
    ],
)
def test_bytes(value, data):
    assert canonical_bytes(value) == data


@pytest.mark.parametrize("value", [math.nan, {"a": [math.inf]}, -math.inf, "\ud800"])
def test_what_has_no_canonical_form(value):
    with pytest.raises(ValueError):
        canonical_bytes(value)


@pytest.mark.parametrize("value", [{1: 2}, {"a": {None: 1}}, b"x", {"a": {1, 2}}, np.float32(1), object()])
def test_types_that_json_does_not_know(value):
    with pytest.raises(TypeError):
        canonical_bytes(value)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(deadline=None)
@given(plain)
def test_reads_back_and_ignores_the_order_of_keys(value):
    data = canonical_bytes(value)
    assert json.loads(data) == value
    assert canonical_bytes(_reversed(value)) == data
    assert canonical_bytes(json.loads(data)) == data


def test_digest():
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1}) != digest({"a": 2, "b": 2})


def _reversed(value):
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(list(value))}
    return [_reversed(item) for item in value] if isinstance(value, list) else value
