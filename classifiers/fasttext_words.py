"""fastText's tokens and hashes, bug for bug: the machine-code half that looks at bytes.

Every rule here is that of `Dictionary` in fastText 0.9.2; models depend on all of them.

Tokens are found 64 bytes at a time, and take a key of our own, eight bytes at a time: the library's hash, which takes
a multiplication a byte, each waiting for the one before, is kept with the words that a model knows.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel
from tamis.classifiers.vector_code import FIRST, eight_bytes, fasttext_spaces, lowest_bit

__all__ = ["END_OF_LINE", "FNV_START", "fnv", "hash_between", "is_label", "key_between", "tokenise", "word_hash"]

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
HALF: Final = np.uint64(32)
KEY_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)


def _key_of_short(word: bytes) -> int:
    """Returns the key of a word of at most eight bytes, see `key_between`."""
    key = int.from_bytes(word, "little") * 0x9E3779B97F4A7C15 % 2**64
    return (key ^ key >> 32 ^ len(word)) * 0x9E3779B97F4A7C15 % 2**64


END_KEY: Final = np.uint64(_key_of_short(b"</s>"))


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
def _first(size: int) -> np.uint64:
    """Returns the mask of the first bytes of eight, none where `size` is below 1."""
    mask: np.uint64 = FIRST[np.uint64(min(max(size, 0), 8))]
    return mask


@inlined
def _key(address: int, size: int) -> np.uint64:
    """Returns the key of a word at an address, see `key_between`; 16 bytes from it on and 8 after it are read."""
    key = (eight_bytes(address) & _first(size)) * KEY_FACTOR
    # Always a second time: whether a word has more than eight bytes is hard to foretell.
    key = (key ^ (key >> HALF) ^ (eight_bytes(address + 8) & _first(size - 8)) ^ np.uint64(size)) * KEY_FACTOR
    at = 16
    while at < size:
        key = (key ^ (key >> HALF) ^ (eight_bytes(address + at) & _first(size - at))) * KEY_FACTOR
        at += 8
    return key


@kernel
def _key_of_copy(word: Bytes) -> np.uint64:
    """Returns the key of a word with nothing behind it."""
    copy = np.zeros(word.size + 16, np.uint8)
    copy[: word.size] = word
    return _key(copy.ctypes.data, word.size)


@inlined
def key_between(data: Bytes, address: int, first: int, last: int) -> np.uint64:
    """Returns the 64-bit key that stands for a word in the table.

    The library compares the words themselves. A false match of the keys needs about 2**64 / n_words tokens, and
    comparing costs a cache miss.

    Args:
        data: Text in UTF-8.
        address: Where it lies in memory; to ask an array for it costs more than the key.
        first: Where the word starts.
        last: Where it ends.
    """
    if max(first + 16, last + 8) <= data.size:
        return _key(address + first, last - first)
    return _key_of_copy(data[first:last])


@inlined
def hash_between(data: Bytes, first: int, last: int) -> np.int32:
    """Returns the library's hash of a word, int32."""
    state = FNV_START
    for at in range(np.uint64(first), np.uint64(last)):
        state = fnv(state, data[at])
    return np.int32(state)


@kernel
def word_hash(word: Bytes) -> np.int32:
    """Returns the library's hash of a word, int32."""
    return hash_between(word, 0, word.size)


@inlined
def _words_of_block(data: Bytes, address: int, at: int, last: int) -> np.uint64:
    """Returns which of the 64 bytes from `at` on belong to words; those from `last` on do not."""
    if at + 64 <= data.size:
        words = ~fasttext_spaces(address + at)
        return words & ((ONE << np.uint64(last - at)) - ONE) if last - at < 64 else words
    words = np.uint64(0)
    for k in range(min(64, last - at)):
        words |= np.uint64(not _is_space(data[at + k])) << np.uint64(k)
    return words


@inlined
def _push_bits(bits: np.uint64, at: int, places: Ints, n: int) -> int:
    """Appends the places of bits; returns how many places there are then."""
    while bits != 0:
        places[n] = at + lowest_bit(bits)
        bits &= bits - ONE
        n += 1
    return n


@inlined
def _find_tokens(data: Bytes, address: int, first: int, last: int, start: Ints, end: Ints) -> int:
    """Finds what is between white space; returns how many tokens there are."""
    n, ended, before = 0, 0, np.uint64(0)
    for at in range(first, last, 64):
        words = _words_of_block(data, address, at, last)
        shifted = (words << ONE) | before
        n = _push_bits(words & ~shifted, at, start, n)
        ended = _push_bits(~words & shifted, at, end, ended)
        before = words >> np.uint64(63)
    if ended < n:
        end[ended] = last
    return n


@kernel
def tokenise(data: Bytes, first: int, last: int, start: Ints, end: Ints, keys: UInt64s) -> int:
    """Splits the bytes from `first` to `last` at white space.

    Args:
        data: Text in UTF-8.
        first: Where the text starts.
        last: Where it ends.
        start: Output, offset of each token; room for (last - first) // 2 + 2.
        end: Output, offset of each token's end.
        keys: Output, the table's key of each token.

    Returns:
        Number of tokens. A token `</s>` ends the text, and is not among them.
    """
    address = data.ctypes.data
    n = _find_tokens(data, address, first, last, start, end)
    for token in range(n):
        keys[token] = key_between(data, address, start[token], end[token])
        if keys[token] == END_KEY and end[token] - start[token] == END_OF_LINE.size:
            return token
    return n


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
