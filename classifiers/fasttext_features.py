"""fastText's features of a text: the numbers of the rows that the library averages.

They are the text's words, the character n-grams of words (of known ones too), and hashed word n-grams. After
`Dictionary::getLine` of fastText 0.9.2, bug for bug.

numba caches compiled code by the file of the function that Python calls. After a change to this file, or to
`fasttext_index` or `fasttext_words`, touch `fasttext_kernel` as well.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel
from tamis.classifiers.fasttext_index import find_bucket, find_word, home
from tamis.classifiers.fasttext_prefetch import prefetch
from tamis.classifiers.fasttext_words import FNV_START, fnv, hash_between, is_label, tokenise
from tamis.classifiers.vector_code import product_high

__all__ = ["Tables", "features", "longest", "push_features", "push_subwords", "scratch"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Int32s = NDArray[np.int32]
UInt32s = NDArray[np.uint32]
UInt64s = NDArray[np.uint64]

#: How many tokens ahead the table of words is asked for: its slots lie anywhere, and waiting for one costs more
#: than all else that a token takes.
AHEAD: Final = 16


class Tables(NamedTuple):
    """What turns text into numbers of rows.

    Attributes:
        slots: Dictionary entries by key, see `index_words`.
        kept: Rows of the buckets that a pruned model kept, see `index_buckets`; empty where it is not pruned.
        pruned: Whether only the buckets in `kept` have rows.
        n_words: Number of words; they are the first dictionary entries and the first rows.
        end: Row of the end-of-line token, -1 where the model has none.
        end_hash: Its hash.
        bucket: Buckets that n-grams are hashed to.
        inverse: (2**64 - 1) // bucket, to divide by it by multiplying; 0 where there are none.
        word_ngrams: Longest word n-gram.
        minn: Shortest character n-gram, at least 1.
        maxn: Longest character n-gram, 0 where there are none.
        address: Where the rows lie in memory; a hint for speed.
        row_bytes: Bytes from one row to the next.
    """

    slots: UInt64s
    kept: Int32s
    pruned: bool
    n_words: int
    end: np.int64
    end_hash: np.int32
    bucket: int
    inverse: np.uint64
    word_ngrams: int
    minn: int
    maxn: int
    address: int = 0
    row_bytes: int = 0


class Tokens(NamedTuple):
    """Scratch for the tokens of one text, see `tokenise`, and the hashes of its words."""

    start: Ints
    end: Ints
    hashes: Int32s
    keys: UInt64s


@inlined
def _bucket(state: np.uint64, tables: Tables) -> np.int64:
    """Returns the bucket that a hash falls into."""
    # The quotient is at most 2 too small; the processor's division takes several times as long.
    rest = state - product_high(state, tables.inverse) * np.uint64(tables.bucket)
    while rest >= np.uint64(tables.bucket):
        rest -= np.uint64(tables.bucket)
    return np.int64(rest)


@inlined
def _bucket_row(state: np.uint64, tables: Tables) -> np.int64:
    """Returns the row of the bucket that a hash falls into, -1 where a pruned model dropped it."""
    bucket = _bucket(state, tables)
    if not tables.pruned:
        return tables.n_words + bucket
    row = find_bucket(bucket, tables.kept)
    return row if row < 0 else tables.n_words + row


@inlined
def _push(rows: UInt32s, n: int, row: np.int64, tables: Tables) -> int:
    """Appends a row unless it is -1, and asks for its memory: that it is needed is known well before it is read."""
    if row < 0:
        return n
    prefetch(tables.address + row * tables.row_bytes)
    rows[n] = row
    return n + 1


@inlined
def _bracketed(data: Bytes, first: int, last: int, at: int) -> np.uint8:
    """Returns byte `at` of "<" + word + ">"."""
    if at == 0:
        return np.uint8(60)
    return np.uint8(62) if at > last - first else data[np.uint64(first + at - 1)]


@kernel
def push_subwords(data: Bytes, first: int, last: int, tables: Tables, rows: UInt32s, n: int) -> int:
    """Appends the rows of a word's character n-grams, which may take in the brackets but are never one alone."""
    size = last - first + 2
    for i in range(size):
        state, at, length = FNV_START, i, 1
        if _bracketed(data, first, last, i) & 0xC0 == 0x80:  # within a character
            continue
        while at < size and length <= tables.maxn:
            state, at = fnv(state, _bracketed(data, first, last, at)), at + 1
            while at < size and _bracketed(data, first, last, at) & 0xC0 == 0x80:
                state, at = fnv(state, _bracketed(data, first, last, at)), at + 1
            if length >= tables.minn and not (length == 1 and (i == 0 or at == size)):
                n = _push(rows, n, _bucket_row(np.uint64(state), tables), tables)
            length += 1
    return n


@kernel
def _push_words(
    data: Bytes, n_tokens: int, tokens: Tokens, tables: Tables, merged: bool, rows: UInt32s
) -> tuple[int, int]:
    """Writes the rows of words and character n-grams, and the hashes of words.

    Returns:
        Number of rows and of words.
    """
    n, n_words = 0, 0
    base = tables.slots.ctypes.data
    for token in range(n_tokens):
        ahead = min(token + AHEAD, n_tokens - 1)
        prefetch(base + np.int64(home(tokens.keys[ahead], tables.slots)) * 16)
        entry, word = find_word(tokens.keys[token], tables.slots)
        first, last = tokens.start[token], tokens.end[token]
        if entry >= tables.n_words or (entry < 0 and is_label(data, first, last)):
            continue
        n = _push(rows, n, entry, tables)
        if tables.maxn > 0 and not (merged and entry >= 0):
            n = push_subwords(data, first, last, tables, rows, n)
        tokens.hashes[n_words] = word if entry >= 0 else hash_between(data, first, last)
        n_words += 1
    return n, n_words


@kernel
def _push_ngrams(hashes: Int32s, n_words: int, tables: Tables, rows: UInt32s, n: int) -> int:
    """Appends the rows of word n-grams. The hashes are signed before they are widened, as in the library."""
    for i in range(n_words):
        state = np.uint64(np.int64(hashes[i]))
        for j in range(i + 1, min(i + tables.word_ngrams, n_words)):
            state = state * np.uint64(116049371) + np.uint64(np.int64(hashes[j]))
            n = _push(rows, n, _bucket_row(state, tables), tables)
    return n


@kernel
def _push_kept_pairs(tokens: Tokens, n_words: int, tables: Tables, rows: UInt32s, n: int) -> int:
    """As `_push_ngrams`, for pairs of words in a pruned model: asks for all slots before it looks at the first."""
    base, last = tables.kept.ctypes.data, np.int64(tables.kept.shape[0] - 1)
    for i in range(n_words - 1):
        state = np.uint64(np.int64(tokens.hashes[i])) * np.uint64(116049371)
        bucket = _bucket(state + np.uint64(np.int64(tokens.hashes[i + 1])), tables)
        tokens.keys[i] = np.uint64(bucket)
        prefetch(base + (bucket & last) * 8)
    for i in range(n_words - 1):
        row = find_bucket(np.int64(tokens.keys[i]), tables.kept)
        n = _push(rows, n, row if row < 0 else tables.n_words + row, tables)
    return n


@kernel
def push_features(
    data: Bytes, first: int, last: int, tables: Tables, merged: bool, tokens: Tokens, rows: UInt32s
) -> tuple[int, UInt32s]:
    """Writes the rows of a text, in the library's order.

    Args:
        data: Texts in UTF-8.
        first: Where the text starts.
        last: Where it ends.
        tables: The model's tables.
        merged: Whether the row of a known word stands for its character n-grams too.
        tokens: Scratch for the text's tokens.
        rows: Output; any size.

    Returns:
        Number of rows; `rows`, or a larger array in its place.
    """
    n_tokens = tokenise(data, first, last, tokens.start, tokens.end, tokens.keys)
    spread = max(0, tables.maxn - tables.minn + 1)
    room = (n_tokens + 1) * max(1, tables.word_ngrams) + (last - first + 2 * n_tokens) * spread
    if room > rows.size:
        rows = np.empty(2 * room, np.uint32)
    n, n_words = _push_words(data, n_tokens, tokens, tables, merged, rows)
    n = _push(rows, n, tables.end, tables)
    tokens.hashes[n_words] = tables.end_hash
    if tables.pruned and tables.word_ngrams == 2:
        return _push_kept_pairs(tokens, n_words + 1, tables, rows, n), rows
    return _push_ngrams(tokens.hashes, n_words + 1, tables, rows, n), rows


@kernel
def scratch(size: int) -> Tokens:
    """Returns room for the tokens of a text of `size` bytes, and the end-of-line token."""
    n = size // 2 + 2
    return Tokens(np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int32), np.empty(n, np.uint64))


@kernel
def longest(bounds: Ints) -> int:
    """Returns the bytes of the longest text."""
    most = 0
    for text in range(bounds.size - 1):
        most = max(most, bounds[text + 1] - bounds[text])
    return most


@kernel
def features(data: Bytes, bounds: Ints, texts: Ints, tables: Tables) -> tuple[UInt32s, Ints]:
    """Returns the rows that the library averages, in its order.

    Args:
        data: Texts in UTF-8, one after another.
        bounds: Offset of each text and the end of the last, int64 [n + 1].
        texts: Numbers of the texts that are asked for, int64 [m].
        tables: The model's tables.

    Returns:
        Numbers of rows of one text after another, uint32; where each text's begin and the last's end, int64 [m + 1].
    """
    tokens, rows = scratch(longest(bounds)), np.empty(1024, np.uint32)
    found, ends = [rows[:0]], np.zeros(texts.size + 1, np.int64)
    for i in range(texts.size):
        first, last = bounds[texts[i]], bounds[texts[i] + 1]
        n, rows = push_features(data, first, last, tables, False, tokens, rows)
        found.append(rows[:n].copy())
        ends[i + 1] = ends[i] + n
    joined = np.empty(ends[-1], np.uint32)
    for i in range(texts.size):
        joined[ends[i] : ends[i + 1]] = found[i + 1]
    return joined, ends
