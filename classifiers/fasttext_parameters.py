"""Hyper-parameters of the fastText kind: a closed list, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tamis.classifiers.errors import UsageError
from tamis.classifiers.fasttext_write import Layout
from tamis.classifiers.hyper_parameters import check_categories, read_parameters

__all__ = ["FastTextParameters"]

#: Longest character n-gram.
LONGEST: Final = 8


@dataclass(frozen=True, slots=True)
class FastTextParameters:
    """Hyper-parameters, named as in fastText where it has them.

    Attributes:
        dim: Columns while training.
        epoch: Passes over the lines.
        lr: Learning rate at the start.
        word_ngrams: Longest n-gram of words.
        bucket: Rows that n-grams share.
        words: Size of the vocabulary at most.
        min_count: Texts that a word must be in to be in the vocabulary.
        fits: Fits of "logistic", in orders of their own, whose rows are averaged: what a fit owes to the order of the
            texts averages out, and the model stays as small and as fast.
        words_only: Categories that are trained on single words; their n-gram rows are 0.
        solver: "library" or "logistic".
        alpha: Strength of the L2 penalty of "logistic".
        identity_weight: If not negative, every identity term (see `identity`) gets the same row: this part of
            the mean of their rows. A term then counts for what people say of its kind, not of its group.
        mentions: Categories that have a second column of rows, for texts that mention an identity term: words then
            count otherwise beside the name of a group, whichever group ("logistic", with `identity_weight`).
        mention_weight: What that column adds to the common one counts beside it, in training: the larger, the more
            the two may differ.
        minn: Shortest character n-gram of a word ("logistic" only).
        maxn: Longest character n-gram of a word, 0 for none ("logistic" only).
        quantise: Whether a value takes one byte instead of four.
        ngram_min_count: Texts that an n-gram must be in to have a row; 0 = every bucket has one. Needs "logistic" and
            `quantise`: fastText knows pruned buckets in quantised files only.
        scale: What the features are multiplied by before "logistic" fits them: its steps are for values near 1.
        end_weight: Weight of the end of the line beside those of words, the rarest of which have 1 ("logistic" only);
            0 = that of its frequency. Its row is evidence that every text has once: with more weight a short text
            needs stronger words.
        vector_weight: What the mean of the words' vectors counts beside the rows ("logistic" only); 0 = nothing.
    """

    dim: int = 16
    epoch: int = 5
    lr: float = 0.5
    word_ngrams: int = 2
    bucket: int = 200_000
    words: int = 40_000
    min_count: int = 3
    words_only: tuple[str, ...] = ()
    solver: str = "library"
    fits: int = 1
    alpha: float = 1e-8
    identity_weight: float = -1.0
    mentions: tuple[str, ...] = ()
    mention_weight: float = 0.5
    minn: int = 0
    maxn: int = 0
    quantise: bool = False
    ngram_min_count: int = 0
    scale: float = 1.0
    end_weight: float = 0.0
    vector_weight: float = 0.0

    @property
    def layout(self) -> Layout:
        """What the file says about its features."""
        return Layout(self.word_ngrams, self.bucket, self.minn, self.maxn, self.epoch, self.quantise)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> FastTextParameters:
        """Takes parameters from a configuration.

        Raises:
            UsageError: A name is unknown or a value is out of range.
        """
        made = read_parameters(values, cls, "fasttext")
        if made.solver not in {"library", "logistic"}:
            raise UsageError(f"parameters: solver {made.solver!r} is none of library, logistic")
        if (
            min(made.dim, made.epoch, made.word_ngrams, made.words, made.min_count, made.fits) < 1
            or made.lr <= 0
            or made.scale <= 0
        ):
            raise UsageError("parameters: every value must be positive")
        if made.fits > 1 and made.solver == "library":
            raise UsageError("parameters: fits is for the solver logistic")
        if made.maxn and (made.solver == "library" or not 1 <= made.minn <= made.maxn <= LONGEST):
            raise UsageError(f"parameters: minn and maxn are for the solver logistic, 1 <= minn <= maxn <= {LONGEST}")
        if made.ngram_min_count and (made.solver == "library" or not made.quantise):
            raise UsageError("parameters: ngram_min_count is for the solver logistic with quantise: true")
        if made.mentions and (made.solver == "library" or made.identity_weight < 0 or made.mention_weight <= 0):
            raise UsageError(
                "parameters: mentions is for the solver logistic with identity_weight, and mention_weight above 0"
            )
        for name in ("vector_weight", "end_weight"):
            if (value := getattr(made, name)) < 0 or (value and made.solver == "library"):
                raise UsageError(f"parameters: {name} is for the solver logistic, and not below 0")
        return made

    def check(self, categories: Sequence[str]) -> None:
        """Refuses parameters that name a category which is not trained.

        Raises:
            UsageError: `words_only` or `mentions` does.
        """
        for name in ("words_only", "mentions"):
            check_categories(name, getattr(self, name), categories)
