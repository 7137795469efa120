"""The proxy's language model: smoothing, exact continuation probabilities, and what relative frequencies reproduce."""

from __future__ import annotations

import numpy as np
import pytest

from tamis.interventions import ngram_survival
from tamis.interventions.ngram_lm import MLE, Model, discounts, train
from tamis.interventions.ngram_survival import Hits, States, hit_probability, states
from tamis.interventions.ngram_trie import END, START, UNKNOWN, Tokens, Trie, Vocabulary, tokenise

WORDS = 30


def random_texts(seed: int, n: int = 60, words: int = WORDS) -> Tokens:
    """Texts of a second-order chain over `words` word ids, each with END after it."""
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(n):
        ids = [int(rng.integers(3, words))]
        for _ in range(int(rng.integers(0, 25))):
            ids.append(3 + (ids[-1] * 7 + int(rng.zipf(1.6))) % (words - 3))
        texts.append([*ids, END])
    bounds = np.concatenate([[0], np.cumsum([len(ids) for ids in texts])])
    joined = np.array([w for ids in texts for w in ids], np.int32)
    return Tokens(joined, bounds.astype(np.int64), np.diff(bounds).astype(np.int64))


def trained(seed: int, fixed: np.ndarray | None = None, part: float = 1.0) -> Model:
    tokens = random_texts(seed)
    chosen = np.random.default_rng(seed).random(tokens.lengths.size) < part
    return train(Trie.of(tokens, WORDS), chosen, fixed=fixed)


def lanes(trie: Trie, *lists: list[int], pairs: tuple[tuple[int, int], ...] = ()) -> Hits:
    """Hits from lists of words, one a lane, and pairs of words that are hits in the first lane."""
    words = np.zeros((trie.n_words, len(lists)), np.bool_)
    for lane, found in enumerate(lists):
        words[found, lane] = True
    bigrams = words[trie.word]
    for first, second in pairs:
        bigrams[(trie.first == first) & (trie.word == second), 0] = True
    return Hits(words, bigrams)


def contexts(trie: Trie) -> list[tuple[int, ...]]:
    """Every context of the model: each word (not END) alone, and each stored bigram that does not end."""
    pairs = zip(trie.first.tolist(), trie.word.tolist(), strict=True)
    return [(w,) for w in range(trie.n_words) if w != END] + [pair for pair in pairs if pair[1] != END]


@pytest.mark.parametrize("part", [1.0, 0.5, 0.0])
def test_probabilities_sum_to_one_in_every_context(part):
    model = trained(1, part=part)
    for context in contexts(model.trie):
        found = model.distribution(*context)
        assert found[START] == 0
        assert (found[1:] > 0).all()
        assert found.sum() == pytest.approx(1, abs=3e-13)


@pytest.mark.parametrize("fixed", [None, MLE])
def test_without_a_toxic_word_every_continuation_survives(fixed):
    model = trained(2, fixed)
    every = states(model.trie, [np.array(c[-2:], np.int32) for c in contexts(model.trie)])
    found = hit_probability(model, lanes(model.trie, []), every, 20, survival=True, dtype=np.float64)
    assert np.abs(found - 1).max() < 3e-13
    assert not hit_probability(model, lanes(model.trie, []), every, 20).any()


def brute(model: Model, hits: Hits, context: tuple[int, ...], length: int) -> float:
    """Probability of a hit in lane 0, by walking every continuation word by word from full distributions."""
    if length == 0:
        return 0.0
    trie, total = model.trie, 0.0
    for word, p in enumerate(model.distribution(*context)):
        if word == END or p == 0:
            continue
        stored = np.flatnonzero((trie.first == context[-1]) & (trie.word == word))
        hit = hits.words[word, 0] or (stored.size and hits.bigrams[stored[0], 0])
        following = (context[-1], word) if stored.size else (word,)
        total += p * (1.0 if hit else brute(model, hits, following, length - 1))
    return total


@pytest.mark.parametrize("pairs", [(), ((4, 11), (5, 18))])
def test_the_recursion_is_the_sum_over_all_continuations(pairs):
    tokens = random_texts(3, 12, 12)
    model = train(Trie.of(tokens, 12), np.ones(12, np.bool_))
    hits = lanes(model.trie, [7, 9], pairs=tuple((a % 12, b % 12) for a, b in pairs))
    pairs_of = [c for c in contexts(model.trie) if len(c) == 2 and not hits.words[c[1], 0]]
    for context in [(START,), (5,), *pairs_of[:6]]:
        # One word alone is a context that training never reaches but through back-off, not a prompt of one word.
        state = states(model.trie, [np.array(context, np.int32)]) if len(context) == 2 else alone(context[0])
        found = hit_probability(model, hits, state, 3, dtype=np.float64)
        assert found[0, 0] == pytest.approx(brute(model, hits, context, 3), abs=1e-12)


def alone(word: int) -> States:
    return States(np.array([-1]), np.array([word]))


def test_survival_and_hit_probability_add_up_to_one():
    model = trained(4)
    hits = lanes(model.trie, [7], [7, 9, 12])
    every = states(model.trie, [np.array(c[-2:], np.int32) for c in contexts(model.trie)])
    q = hit_probability(model, hits, every, 15, dtype=np.float64)
    f = hit_probability(model, hits, every, 15, survival=True, dtype=np.float64)
    assert np.abs(q + f - 1).max() < 1e-12
    assert (q[:, 0] <= q[:, 1] + 1e-15).all()
    assert np.abs(hit_probability(model, hits, every, 15) / np.maximum(q, 1e-30) - 1).max() < 1e-5


def sampled(model: Model, hits: Hits, n: int, length: int, seed: int) -> np.ndarray:
    """Draws continuations of an empty prompt; returns whether each has a hit in each lane."""
    rng = np.random.default_rng(seed)
    trie = model.trie
    stored = set(zip(trie.first.tolist(), trie.word.tolist(), strict=True))
    sums: dict[tuple[int, ...], np.ndarray] = {}
    found = np.zeros((n, hits.words.shape[1]), np.bool_)
    for row in found:
        context: tuple[int, ...] = (START,)
        for _ in range(length):
            if context not in sums:
                sums[context] = np.cumsum(model.distribution(*context))
            word = int(np.searchsorted(sums[context], rng.random() * sums[context][-1], side="right"))
            if word == END:
                break
            row |= hits.words[word]
            context = (context[-1], word) if (context[-1], word) in stored else (word,)
    return found


def test_exact_probabilities_agree_with_sampling():
    model = trained(5)
    hits = lanes(model.trie, [7], [7, 9], [20])
    q = hit_probability(model, hits, states(model.trie, [np.array([], np.int32)]), 12)[0]
    n = 6000
    share = sampled(model, hits, n, 12, 1).mean(axis=0)
    z = (share - q) / np.sqrt(q * (1 - q) / n)
    assert np.abs(z).max() < 3
    # TP and EMT over k continuations of one prompt, from the same draws in groups of k.
    k = 4
    draws = sampled(model, lanes(model.trie, [7, 9], [9]), n, 12, 2).reshape(-1, k, 2)
    q = hit_probability(model, lanes(model.trie, [7, 9], [9]), states(model.trie, [np.array([], np.int32)]), 12)
    severity = np.where(draws[..., 1], 1.0, np.where(draws[..., 0], 0.5, 0.0)).max(axis=1)
    expected = ngram_survival.expected_maximum(q, (0.5, 1.0), k)[0]
    assert abs(severity.mean() - expected) < 3 * severity.std() / np.sqrt(len(severity))
    assert ngram_survival.probability_of_any(q[:, 0], k)[0] == pytest.approx((severity > 0).mean(), abs=0.05)


def test_relative_frequencies_reproduce_the_expected_counts_of_the_training_texts():
    # An unsmoothed model with start and end gives each n-gram as often a text as the texts have it.
    tokens = random_texts(6)
    model = train(Trie.of(tokens, WORDS), np.ones(tokens.lengths.size, np.bool_), fixed=MLE)
    trie = model.trie
    n = trie.word.size
    # Expected visits of each bigram state: v = start + v·T, solved exactly.
    start = np.where(trie.first == START, model.share2, 0.0)
    step = np.zeros((n, n))
    step[trie.parent, trie.suffix] = model.share3
    visits = np.linalg.solve(np.eye(n) - step.T, start)
    texts = tokens.lengths.size
    assert np.bincount(trie.bigram, minlength=n) / texts == pytest.approx(visits, rel=5e-10)
    expected = visits[trie.parent] * model.share3
    counts = np.bincount(trie.trigram[trie.trigram >= 0], minlength=expected.size) / texts
    assert counts == pytest.approx(expected, rel=5e-10)


def test_with_its_counts_taken_out_a_word_keeps_the_smoothing_floor_and_no_more():
    tokens = random_texts(7, 400)
    trie = Trie.of(tokens, WORDS)
    hits = lanes(trie, [7])
    model, floor = (train(trie, np.ones(400, np.bool_), banned) for banned in (None, hits.banned(trie)))
    assert floor.unigram[7] == floor.unigram[START + 1 :].min() > 0
    start = states(trie, [np.array([], np.int32)])
    with_word, without = (hit_probability(m, hits, start, 20)[0, 0] for m in (model, floor))
    assert 0 < without < 0.05 < with_word


def test_log_probabilities_of_other_texts_are_those_of_the_distributions():
    model = trained(8, part=0.6)
    other = random_texts(9, 20)
    found = model.log2(other, model.trie.find(other))
    at = 0
    for first, end in zip(other.bounds[:-1], other.bounds[1:], strict=True):
        previous: list[int] = [START]
        for word in other.ids[first:end].tolist():
            expected = model.distribution(*previous[-2:])[word]
            assert found[at] == pytest.approx(np.log2(expected), abs=1e-9)
            previous.append(word)
            at += 1


def test_discounts_follow_the_formula_and_survive_small_samples():
    counts = np.repeat(np.array([1, 2, 3, 4], np.int32), [60, 20, 10, 6])
    y = 60 / 100
    assert discounts(counts) == pytest.approx([1 - 2 * y / 3, 2 - 3 * y / 2, 3 - 4 * y * 0.6])
    assert discounts(np.array([1, 1, 5], np.int32)).tolist() == [0.5, 1.0, 1.5]


def test_words_are_normalised_and_rare_ones_unknown():
    words, tokens = tokenise(["The cat, the CAT.", "", "A d0g!"])
    assert [words[i] for i in tokens.ids] == ["the", "cat", ",", "the", "cat", ".", "a", "dog", "!"]
    assert tokens.bytes.tolist() == [17, 0, 6]
    vocabulary = Vocabulary.of(words, np.bincount(tokens.ids), always=["dog", "absent"])
    assert vocabulary.words[3:] == ("the", "cat", "dog")
    encoded = vocabulary.encode(words, tokens)
    assert encoded.ids.tolist() == [3, 4, UNKNOWN, 3, 4, UNKNOWN, END, END, UNKNOWN, 5, UNKNOWN, END]
    assert encoded.bounds.tolist() == [0, 7, 8, 12]


def test_nothing_to_learn_from_gives_a_uniform_model():
    empty = Tokens(np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(0, np.int64))
    model = train(Trie.of(empty, 7), np.zeros(0, np.bool_))
    assert model.distribution(START).tolist() == [0.0, *[pytest.approx(1 / 6)] * 6]
