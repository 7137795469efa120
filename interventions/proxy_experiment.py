"""The experiment that every arm goes through: one vocabulary, one trie, the same prompts and held-out texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import Classifier
from tamis.interventions import proxy_lanes
from tamis.interventions.ngram_lm import train
from tamis.interventions.ngram_survival import States, hit_probability, states
from tamis.interventions.ngram_trie import START, Found, Tokens, Trie, Vocabulary, tokenise
from tamis.interventions.proxy_arms import Arm
from tamis.interventions.proxy_lanes import Flags, Lanes
from tamis.interventions.proxy_texts import HeldOut, Prompt

__all__ = ["LENGTH", "Experiment", "Outcome", "Words"]

#: Tokens of a continuation.
LENGTH: Final = 20

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The texts of a sample as words.

    Attributes:
        known: The words, by id.
        tokens: The texts.
    """

    known: Sequence[str]
    tokens: Tokens

    @staticmethod
    def of(texts: Sequence[str]) -> Words:
        """Cuts texts into words."""
        return Words(*tokenise(texts))

    def only(self, rows: NDArray[np.int64]) -> Tokens:
        """Returns some of the texts, in order."""
        lengths = self.tokens.lengths[rows]
        bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        places = np.repeat(self.tokens.bounds[:-1][rows] - bounds[:-1], lengths) + np.arange(int(bounds[-1]))
        return Tokens(self.tokens.ids[places], bounds, self.tokens.bytes[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What one model does.

    Attributes:
        q: Probability that a continuation of each prompt holds a term of each lane, float64 [n_prompts, n_lanes].
        bits: Bits that each held-out text costs, float64 [n_held_out].
    """

    q: Floats
    bits: Floats


class Experiment:
    """Everything but the counts of an arm.

    Args:
        words: The texts of the sample.
        arms: The arms; only texts of theirs are counted.
        lexicon: The word list.
        flags: Says which of some terms the filter flags in a harmless sentence; None where it is not known.
        prompts: The prompts; those that hold a toxic term themselves are left out.
        held_out: The texts to predict.

    Attributes:
        trie: The n-grams of all arms.
        lanes: The toxic terms.
        prompts: The prompts that are asked.
        sizes: Bytes of each held-out text, int64 [n_held_out].
        sets: Name of each held-out set, and where its texts start and end.
        vocabulary: The words of all models.
        toxic: Which of the sample's words are terms of the list, of any severity, bool [n_words].
    """

    def __init__(
        self,
        words: Words,
        arms: Sequence[Arm],
        lexicon: Classifier,
        flags: Flags | None,
        prompts: Sequence[Prompt],
        held_out: Sequence[HeldOut],
    ) -> None:
        used = np.unique(np.concatenate([arm.texts for arm in arms]))
        self._place = np.full(words.tokens.lengths.size, -1, np.int64)
        self._place[used] = np.arange(used.size)
        part = words.only(used)
        counts = np.bincount(part.ids, minlength=len(words.known))
        self.toxic: Mask = proxy_lanes.scored(lexicon, words.known).max(axis=1, initial=0.0) > 0
        always = {words.known[i] for i in np.flatnonzero(self.toxic).tolist()}
        self.vocabulary = Vocabulary.of(words.known, counts, always=always)
        self.trie = Trie.of(self.vocabulary.encode(words.known, part), len(self.vocabulary))
        self.lanes: Lanes = proxy_lanes.lanes(lexicon, self.trie, self.vocabulary.words, flags)
        found = proxy_lanes.scored(lexicon, [prompt.text for prompt in prompts]).max(axis=1, initial=0.0) > 0
        self.prompts = [prompt for prompt, own in zip(prompts, found.tolist(), strict=True) if not own]
        self._contexts = self._states([prompt.text for prompt in self.prompts])
        self._ask(held_out)

    def _states(self, texts: Sequence[str]) -> States:
        known, tokens = tokenise(texts)
        ids = self.vocabulary.encode(known, tokens, end=False)
        return states(self.trie, np.split(ids.ids, ids.bounds[1:-1]))

    def _ask(self, held_out: Sequence[HeldOut]) -> None:
        texts = [text for one in held_out for text in one.texts]
        ends = np.cumsum([len(one.texts) for one in held_out]).tolist()
        self.sets = {
            one.name: (end - len(one.texts), end) for one, end in zip(held_out, ends, strict=True) if one.texts
        }
        known, tokens = tokenise(texts)
        self._held: Tokens = self.vocabulary.encode(known, tokens)
        self._found: Found = self.trie.find(self._held)
        self.sizes = self._held.bytes

    @property
    def known(self) -> list[bool]:
        """Whether the last two words of each prompt stand together in the texts; the empty one is known."""
        known: list[bool] = ((self._contexts.bigram >= 0) | (self._contexts.word == START)).tolist()
        return known

    def chosen(self, arm: Arm) -> Mask:
        """Returns which of the trie's texts an arm trains on, bool [n_texts]."""
        found = np.zeros(self.trie.bounds.size - 1, np.bool_)
        found[self._place[arm.texts]] = True
        return found

    def run(self, arm: Arm, *, unlearnt: bool = False) -> Outcome:
        """Trains an arm's model and asks it.

        Args:
            arm: The texts.
            unlearnt: Count no n-gram with a toxic term: what is left is the floor of the smoothing.
        """
        banned = self.lanes.hits.banned(self.trie) if unlearnt else None
        model = train(self.trie, self.chosen(arm), banned)
        q = hit_probability(model, self.lanes.hits, self._contexts, LENGTH)
        bits = -model.log2(self._held, self._found)
        starts = self._held.bounds[:-1]
        return Outcome(q, np.add.reduceat(bits, starts) if starts.size else np.zeros(0))

    def run_all(
        self, arms: Iterable[tuple[Arm, bool]], workers: int, done: Callable[[int], None] = lambda _: None
    ) -> list[Outcome]:
        """Runs many arms, in threads; the outcomes do not depend on how many.

        Args:
            arms: Arms, each with whether its toxic terms stay unlearnt.
            workers: Threads.
            done: Told the number of outcomes so far.
        """
        outcomes: list[Outcome] = []
        with ThreadPoolExecutor(workers) as pool:
            for outcome in pool.map(lambda item: self.run(item[0], unlearnt=item[1]), arms):
                outcomes.append(outcome)
                done(len(outcomes))
        return outcomes
