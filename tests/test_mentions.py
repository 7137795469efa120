"""Terms, topics and dialect of documents: against a regular expression for each term, and against hand-worked cases."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.interventions import mentions
from tamis.interventions.batch import Batch
from tamis.interventions.testing import make_batch
from tamis.interventions.words_kernel import pair_hash, word_hash

GROUPS = mentions.group_names()


def batch_of(texts: list[str], language: str = "en") -> Batch:
    return make_batch(texts, {"p": {"hate": [0.0] * len(texts)}}, target=0, languages=[language] * len(texts))


def look(texts: list[str], language: str = "en") -> mentions.Mentions:
    return mentions.look(batch_of(texts, language), np.ones(len(texts), np.bool_))


def named(found: mentions.Mentions, document: int = 0) -> set[str]:
    return {name for k, name in enumerate(GROUPS) if int(found.groups[document]) >> k & 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("They are GAY, and proud.", {"gay"}),
        ("muslims' prayers; a Jew's coat; catholics’ mass", {"Muslim", "Jewish", "Christian"}),
        ("black people and a Black woman, the women's night", {"Black", "women"}),
        ("A mixed-race choir of non-binary singers", {"mixed-race", "trans"}),
        ("black, people; wheelchair\n\nuser", set()),
        ("germane megaymen womanly jewelry asiatic", set()),
        ("man", {"men"}),
        ("man woman transgender heterosexual", {"men", "women", "trans", "straight"}),
        ("größer-gay-ähnlich", {"gay"}),
        ("", set()),
        ("x" * 500 + " lesbian", {"lesbian"}),
        ("transgenders " * 30, {"trans"}),
    ],
)
def test_terms_match_whole_words_in_any_case(text: str, expected: set[str]) -> None:
    assert named(look([text])) == expected


def test_documents_do_not_run_into_each_other_and_other_languages_are_left_out() -> None:
    found = look(["a g", "ay person", "gay", "black", " people"])
    assert [named(found, i) for i in range(5)] == [set(), set(), {"gay"}, set(), set()]
    german = look(["gay"], "de")
    assert not german.eligible[0]
    assert not german.groups[0]
    assert np.isnan(german.dialects).all()
    assert named(look(["gay"], "und")) == {"gay"}


PIECES = st.sampled_from(
    ["gay", "Muslim", "black people", "Wheelchair user", "mentally  ill", "man", "women", "s", "'s", "é", "-", " ",
     "\n", "x", "12", "transgenderism", "autisms", "heterosexual", "a" * 8, "b" * 63, "\U0001f600", "the ", "Trans man"]
)  # fmt: skip


def oracle(text: str) -> set[str]:
    lower = text.encode().decode("latin-1").lower() if text.isascii() else text.encode().decode("latin-1")
    lower = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in lower)
    found = set()
    for term, group, _ in mentions._terms():
        body = re.sub("[- ]", "[^a-z0-9]", term)
        if re.search(rf"(?<![a-z0-9]){body}s?(?![a-z0-9])", lower, re.DOTALL):
            found.add(group)
    return found


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=40).map("".join), min_size=1, max_size=4))
def test_the_kernel_finds_what_a_regular_expression_finds(texts: list[str]) -> None:
    found = look(texts)
    assert [named(found, i) for i in range(len(texts))] == [oracle(text) for text in texts]


def test_a_topic_needs_two_words_and_the_most_of_them() -> None:
    names = ("", *mentions.topic_names())
    texts = ["The doctor is in.", "doctors and a hospital", "church, doctor, prayer, hospital, gospel", "church doctor"]
    assert [names[k] for k in look(texts).topics] == ["", "health", "religion", ""]
    # Of equals the first of the list.
    assert [names[k] for k in look(["prayer gospel doctor nurse"]).topics] == ["health"]


def test_every_keyword_is_a_plain_word_of_one_topic() -> None:
    keywords = [keyword for keyword, _ in mentions._keywords()]
    assert len(keywords) == len(set(keywords))
    assert not {f"{keyword}s" for keyword in keywords} & set(keywords)
    assert all(re.fullmatch("[a-z]{3,}", keyword) for keyword in keywords)
    assert len(mentions.topic_names()) == 16


def test_dialect_leans_to_the_words_that_the_counts_lean_to() -> None:
    plain = "However, the committee noted that the results were consistent with the previous literature " * 3
    other = "he finna be out here wit his bruh tho ion even kno dat be wild af lol " * 3
    found = look([plain, other, "", "zzqx qqzx"])
    assert found.dialects[0, 0] < 0.1 < 0.5 < found.dialects[0, 1]
    assert found.dialects[1, 0] > 0.7
    assert np.isnan(found.dialects[2:]).all()
    assert np.isnan(mentions.look(batch_of([plain]), np.zeros(1, np.bool_)).dialects).all()


def test_hashes_are_what_they_were() -> None:
    # A change would make the shipped dialect table meaningless.
    assert word_hash("gay") == 0x361E6D1215E8E173
    assert word_hash("abcdefgh") == 0x675E8A3979F19373
    assert word_hash("abcdefghi") == 0x661538BC390C7026
    assert pair_hash(1, 2) != pair_hash(2, 1)
