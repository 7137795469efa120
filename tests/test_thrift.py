import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.pipeline import thrift


def test_struct():
    data = bytes.fromhex("15 d00f 18 03 616263 19 25 02 04 1c 11 00 12 00".replace(" ", ""))
    assert thrift.read_struct(data) == {
        1: (thrift.I32, 1000),
        2: (thrift.BINARY, b"abc"),
        3: (thrift.LIST, [1, 2]),
        4: (thrift.STRUCT, {1: (thrift.BOOL, True)}),
        5: (thrift.BOOL, False),
    }


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x15",
        b"\x15\x02",
        b"\x15\x02\x00\x00",
        b"\x1d\x00",
        b"\x18\x7f\x00",
        b"\x19\xf5\xff\xff\xff\xff\x0f\x00",
        b"\x15" + b"\xff" * 11 + b"\x00",
        b"\x15\x02\x05\x02\x02\x00",
        b"\x1c" * 200 + b"\x00" * 201,
        b"\x19" * 200,
        b"\x19\x1f\x00\x00",
    ],
)
def test_damage(data):
    with pytest.raises(ValueError, match=r"\w"):
        thrift.read_struct(data)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    with contextlib.suppress(ValueError):
        assert isinstance(thrift.read_struct(data), dict)
