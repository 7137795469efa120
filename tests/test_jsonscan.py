import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.pipeline import jsonscan


def slow(raw):
    """Deepest nesting, final nesting, whether inside a string: byte by byte."""
    deepest = depth = 0
    inside = escaped = False
    for byte in raw:
        if byte == ord('"') and not escaped:
            inside = not inside
        elif not inside:
            depth += (byte in b"[{") - (byte in b"]}")
            deepest = max(deepest, depth)
        escaped = byte == ord("\\") and not escaped
    return deepest, depth, inside


@settings(deadline=None)
@given(st.lists(st.sampled_from([b'"', b"\\", b"\\\\", b"[", b"{", b"]", b"}", b"a"])).map(b"".join), st.integers(1, 9))
def test_scan(raw, piece):
    deepest, depth, inside = slow(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonscan, "_PIECE", piece)
        assert jsonscan.is_open(raw) == (inside or depth > 0)
        assert jsonscan.brackets(np.frombuffer(raw, np.uint8)) == raw.count(b"[") + raw.count(b"{")
        for nesting in (0, 1, 2, 3):
            assert jsonscan.too_deep(raw, nesting) == (deepest > nesting and len(raw) > 2 * nesting)


@settings(deadline=None)
@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)), st.data())
def test_values_are_closed_and_their_prefixes_are_not(value, data):
    raw = json.dumps([value], ensure_ascii=False).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonscan, "_PIECE", data.draw(st.integers(2, 9)))
        assert not jsonscan.is_open(raw)
        assert jsonscan.is_open(raw[: data.draw(st.integers(1, len(raw) - 1))])


pieces = st.sampled_from(
    [b"a", "é".encode(), "漢".encode(), "😀".encode(), b"\xff", b"\xc3", b"\xf0\x9f", b"\xed\xa0\x80"]
)


@settings(deadline=None)
@given(st.lists(pieces).map(b"".join), st.integers(1, 9))
def test_utf8(raw, piece):
    try:
        raw.decode()
        expected = None
    except UnicodeDecodeError as error:
        expected = error.start
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonscan, "_PIECE", piece)
        assert jsonscan.utf8_fault(raw) == expected


@settings(deadline=None)
@given(st.text(alphabet="ab\u00e9\u00ff\u0100\u6f22\U0001f600", min_size=1), st.booleans())
def test_a_text_takes_no_more_than_is_said(text, ascii_only):
    raw = json.dumps(text, ensure_ascii=ascii_only).encode()[1:-1]
    width = 4 if max(text) > "\uffff" else 2 if max(text) > "\u00ff" else 1
    assert jsonscan.text_size(raw, escaped=True) >= width * len(text)
    if not ascii_only:
        assert jsonscan.text_size(raw) == width * len(text)
