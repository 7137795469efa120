"""Words that an intervention makes rarer or more frequent, on the proxy's sample: the shift behind one number.

The Jensen-Shannon divergence of two word distributions is a sum over words, so each word's share of it says how much
it contributes. The words are text of the corpus: only frequent ones that many documents use are named, and terms of
the word list with their inner letters masked.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.masking import display
from tamis.interventions.ngram_trie import Tokens

__all__ = ["contributions", "divergence", "shifted"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Words named in each direction.
SHOWN: Final = 12
#: Documents that must use a word before it is named.
LEAST_DOCUMENTS: Final = 10


def contributions(before: Ints, after: Ints) -> Floats:
    """Returns each word's part of the Jensen-Shannon divergence of two counts, in bits, float64 [n]; 0 to 1 in sum."""
    p, q = (counts / max(int(counts.sum()), 1) for counts in (before, after))
    middle = (p + q) / 2
    parts = [np.where(x > 0, x * np.log2(np.maximum(x, 1e-300) / np.maximum(middle, 1e-300)), 0.0) for x in (p, q)]
    return np.asarray((parts[0] + parts[1]) / 2)


def divergence(before: Ints, after: Ints) -> float:
    """Returns the Jensen-Shannon divergence of two counts, in bits."""
    return float(contributions(before, after).sum())


def counts(tokens: Tokens, n_words: int) -> tuple[Ints, Ints]:
    """Returns occurrences of each word and documents that hold it, int64 [n_words] each."""
    owner = np.repeat(np.arange(tokens.lengths.size, dtype=np.int64), tokens.lengths)
    pairs = np.unique(owner * max(n_words, 1) + tokens.ids)
    return np.bincount(tokens.ids, minlength=n_words), np.bincount(pairs % max(n_words, 1), minlength=n_words)


def shifted(
    words: list[str], before: tuple[Ints, Ints], after: Ints, toxic: NDArray[np.bool_]
) -> dict[str, list[dict[str, Any]]]:
    """Returns the words that contribute most, those that became rarer and those that became more frequent.

    Args:
        words: The words, by id.
        before: Occurrences before, and documents that hold each word.
        after: Occurrences after.
        toxic: Words of the word list, shown masked.
    """
    occurrences, documents = before
    p, q = occurrences / max(int(occurrences.sum()), 1), after / max(int(after.sum()), 1)
    parts = np.where(documents >= LEAST_DOCUMENTS, contributions(occurrences, after), 0.0)
    order = np.argsort(-parts, kind="stable")
    found: dict[str, list[dict[str, Any]]] = {"rarer": [], "more_frequent": []}
    for i in order[: 50 * SHOWN].tolist():
        side = found["rarer" if q[i] < p[i] else "more_frequent"]
        if parts[i] > 0 and len(side) < SHOWN:
            shown = _masked(words[i]) if toxic[i] else display(words[i], 40)
            side.append({"word": shown, "share": float(parts[i] / parts.sum()), "ratio": float(q[i] / p[i])})
    return found


def _masked(word: str) -> str:
    clean = display(word, 40)
    return f"{clean[0]}{'•' * max(len(clean) - 2, 1)}{clean[-1]}"
