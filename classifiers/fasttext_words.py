"""fastText's tokens and hashes, bug for bug: the machine-code half that looks at bytes.

Every rule here is that of `Dictionary` in fastText 0.9.2; models depend on all of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel

__all__ = ["END_OF_LINE", "FNV_START", "KEY_START", "add_to_key", "fnv", "is_label", "tokenise", "word_hash"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Int32s = NDArray[np.int32]
UInt64s = NDArray[np.uint64]

#: The token that ends every line. A text that spells it out ends there for fastText.
END_OF_LINE: Final = np.frombuffer(b"</s>", np.uint8)

#: Tokens outside the vocabulary that start so are skipped. The prefix is not in the model file, so that the
#: library assumes this one when it loads a model, whatever the model was trained with.
LABEL_PREFIX: Final = np.frombuffer(b"__label__", np.uint8)

FNV_START: Final = np.uint32(2166136261)
FNV_PRIME: Final = np.uint32(16777619)
ONE: Final = np.uint64(1)
KEY_START: Final = np.uint64(0x2545F4914F6CDD1D)
KEY_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)


@inlined
def _is_space(byte: np.uint8) -> bool:
    """Tells whether the library ends a token here: space, bytes 9 to 13, the null byte."""
    return bool(byte <= 32 and (byte == 32 or 9 <= byte <= 13 or byte == 0))


@inlined
def fnv(state: np.uint32, byte: np.uint8) -> np.uint32:
    """Adds a byte to the library's 32-bit hash.

    It is FNV-1a but for bytes above 127, which the library takes as negative numbers: they set the upper 24 bits
    too. A mistake, and all published models were trained with it.
    """
    return np.uint32((state ^ np.uint32(np.int8(byte))) * FNV_PRIME)


@inlined
def add_to_key(state: np.uint64, byte: np.uint8) -> np.uint64:
    """Adds a byte to the 64-bit key that stands for a whole word in the table.

    The library compares the words themselves. A false match of the keys needs about 2**64 / n_words tokens, and
    the key is computed in the shadow of the other hash, while comparing words costs a cache miss.
    """
    return (state ^ np.uint64(byte)) * KEY_FACTOR


@kernel
def word_hash(word: Bytes) -> np.int32:
    """Returns the library's hash of a word, int32."""
    state = FNV_START
    for at in range(word.size):
        state = fnv(state, word[at])
    return np.int32(state)


@kernel
def tokenise(data: Bytes, first: int, last: int, start: Ints, end: Ints, hashes: Int32s, keys: UInt64s) -> int:
    """Splits the bytes from `first` to `last` at white space.

    Args:
        data: Text in UTF-8.
        first: Where the text starts.
        last: Where it ends.
        start: Output, offset of each token; room for (last - first) // 2 + 2.
        end: Output, offset of each token's end.
        hashes: Output, the library's hash of each token.
        keys: Output, the table's key of each token.

    Returns:
        Number of tokens. A token `</s>` ends the text, and is not among them.
    """
    n = 0
    at, stop = np.uint64(first), np.uint64(last)  # unsigned: a signed index may count from the end, and costs a test
    while True:
        while at < stop and _is_space(data[at]):
            at += ONE
        if at == stop:
            return n
        start[n] = at
        state, key = FNV_START, KEY_START
        while at < stop and not _is_space(data[at]):
            state, key = fnv(state, data[at]), add_to_key(key, data[at])
            at += ONE
        end[n], hashes[n], keys[n] = at, np.int32(state), key
        if end[n] - start[n] == END_OF_LINE.size and _starts_with(data, start[n], end[n], END_OF_LINE):
            return n
        n += 1


@inlined
def _starts_with(data: Bytes, first: int, last: int, prefix: Bytes) -> bool:
    if last - first < prefix.size:
        return False
    for i in range(prefix.size):  # noqa: SIM110, a generator would not compile
        if data[first + i] != prefix[i]:
            return False
    return True


@inlined
def is_label(data: Bytes, first: int, last: int) -> bool:
    """Tells whether the library takes an unknown token for a label, and skips it."""
    return _starts_with(data, first, last, LABEL_PREFIX)
