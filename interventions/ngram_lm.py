"""A trigram language model: interpolated modified Kneser-Ney smoothing (Chen and Goodman 1999).

    P(w|uv) = d3(uvw) + g3(uv) P(w|v)      d3 = (c - D) / sum c over the words after uv
    P(w|v)  = d2(vw)  + g2(v)  P(w)        c = number of different words before vw; at a text's start, its occurrences
    P(w)    = d1(w)   + g1 / V             c = number of different words before w

with D by order for counts of 1, 2 and 3 or more, from the numbers of n-grams that occur 1 to 4 times. A model is
made of counts over a trie that it shares with others. The sum of P over all words is 1 in every context.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.interventions.ngram_kernel import continuations, count, discounted
from tamis.interventions.ngram_trie import END, START, Found, Tokens, Trie

__all__ = ["MLE", "Model", "discounts", "train"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Discounts of the model without smoothing: relative frequencies.
MLE: Final = np.zeros((3, 3))

#: Where too few n-grams occur once or twice to estimate the discounts.
_USUAL: Final = (0.5, 1.0, 1.5)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Probabilities over a trie.

    Attributes:
        trie: The n-grams.
        unigram: P(w), float64 [n_words]; 0 for `START`.
        share2: d2 of each bigram, float64 [n_bigrams].
        left2: g2 of each word, float64 [n_words].
        share3: d3 of each trigram, float64 [n_trigrams].
        left3: g3 of each bigram, float64 [n_bigrams].
    """

    trie: Trie
    unigram: Floats
    share2: Floats
    left2: Floats
    share3: Floats
    left3: Floats

    @property
    def bigram(self) -> Floats:
        """P(w|v) of each bigram vw, float64 [n_bigrams]."""
        return self.share2 + self.left2[self.trie.first] * self.unigram[self.trie.word]

    def log2(self, tokens: Tokens, found: Found) -> Floats:
        """Returns the binary logarithm of the probability of each token of texts, float64 [n_tokens].

        Args:
            tokens: The texts, encoded.
            found: Their n-grams, as `Trie.find` returns them.
        """
        before = np.concatenate([[START], tokens.ids])[: tokens.ids.size]
        before[tokens.bounds[:-1][tokens.lengths > 0]] = START
        known = np.where(found.bigram >= 0, self.share2[found.bigram], 0) if self.share2.size else 0.0
        second = known + self.left2[before] * self.unigram[tokens.ids]
        third = np.where(found.trigram >= 0, self.share3[found.trigram], 0) if self.share3.size else 0.0
        left = np.where(found.context >= 0, self.left3[found.context], 1.0) if self.left3.size else 1.0
        return np.asarray(np.log2(third + left * second), dtype=np.float64)

    def distribution(self, before: int, last: int | None = None) -> Floats:
        """Returns the probability of every word in a context, float64 [n_words].

        Args:
            before: The last word but one, or the only one.
            last: The last word, None where there is only one.
        """
        trie = self.trie
        word = before if last is None else last
        found: Floats = self.left2[word] * self.unigram
        part = slice(trie.bigram_bounds[word], trie.bigram_bounds[word + 1])
        found[trie.word[part]] += self.share2[part]
        at = [] if last is None else np.flatnonzero((trie.first == before) & (trie.word == last)).tolist()
        if at:
            found *= self.left3[at[0]]
            place = trie.rank[at[0]]
            part = slice(trie.trigram_bounds[place], trie.trigram_bounds[place + 1])
            found[trie.word[trie.suffix[part]]] += self.share3[part]
        return found


def train(trie: Trie, chosen: Mask, banned: Mask | None = None, fixed: Floats | None = None) -> Model:
    """Trains a model on some of a trie's texts.

    Args:
        trie: The n-grams of all texts.
        chosen: The texts to train on, bool [n_texts].
        banned: Bigrams that do not count, nor do trigrams that hold one, bool [n_bigrams]; None = none.
        fixed: Discounts by order (word, bigram, trigram) and count, float64 [3, 3]; None: estimated.
    """
    banned = np.zeros(trie.word.size, np.bool_) if banned is None else banned
    starts, trigrams = count(trie.bigram, trie.trigram, trie.bounds, chosen, banned, trie.suffix.size)
    bigrams, words = continuations(starts, trigrams, trie.suffix, trie.word, trie.n_words)
    cuts = [discounts(c) for c in (words, bigrams, trigrams)] if fixed is None else list(fixed)
    share1, left1 = discounted(words, np.array([0, words.size], np.int64), cuts[0])
    share2, left2 = discounted(bigrams, trie.bigram_bounds, cuts[1])
    share3, left = discounted(trigrams, trie.trigram_bounds, cuts[2])
    left3 = np.empty_like(left)
    left3[trie.contexts] = left
    unigram = share1 + left1[0] / max(trie.n_words - END, 1)
    unigram[START] = 0.0
    return Model(trie, unigram, share2, left2, share3, left3)


def discounts(counts: NDArray[np.int32]) -> Floats:
    """Estimates what to take off a count of 1, of 2, and of 3 or more, float64 [3].

    D1 = 1 - 2Y n2/n1, D2 = 2 - 3Y n3/n2, D3 = 3 - 4Y n4/n3, Y = n1/(n1 + 2 n2), each kept within 0.1 and its count:
    without any discount a context would give the words that it was not seen with no probability at all.
    """
    n1, n2, n3, n4 = np.bincount(counts[counts <= 4], minlength=5)[1:5].tolist()
    if not min(n1, n2, n3):
        return np.array(_USUAL)
    y = n1 / (n1 + 2 * n2)
    found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return np.array([min(max(value, 0.1), float(i + 1)) for i, value in enumerate(found)])
