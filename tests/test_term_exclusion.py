"""What may be no term of a learned word list: names of groups, and words for minors."""

from __future__ import annotations

import pytest

from tamis.classifiers.identity import TERMS
from tamis.classifiers.term_exclusion import names_a_group, refused

GROUPS = (
    "gay",
    "gays",
    "muslims",
    "muslim's",
    "homosexuality",
    "women",
    "woman's",
    "black people",
    "islam",
    "mentally ill",
)


@pytest.mark.parametrize("category", ["hate", "harassment", "hate/threatening"])
def test_no_term_of_hate_names_a_group(category):
    assert refused(category, [*GROUPS, "all the gays", "down syndrome", "mixed - race kid"]).all()
    assert not refused(category, ["scum", "kill all", "disgusting", "you people", "idiots"]).any()


@pytest.mark.parametrize("category", ["sexual", "violence", "self_harm"])
def test_in_other_categories_a_group_alone_is_no_term(category):
    assert refused(category, ["gay", "black men", "woman", "the gay", "is a lesbian"]).all()
    assert not refused(category, ["stabbed a man", "kill the woman"]).any()


def test_every_identity_term_is_known_in_all_its_forms():
    forms = [form.lower() for term in TERMS for form in (term.adjective, term.person, term.people)]
    assert refused("hate", forms).all()
    assert not any(map(names_a_group, ["cat", "table", "stupid", "kills"]))


@pytest.mark.parametrize("category", ["sexual", "sexual/minors"])
def test_no_term_of_sexual_speaks_of_minors_or_is_a_part_of_such_a_term(category):
    terms = [
        "teen",
        "teens",
        "schoolgirl",
        "twelve",
        "year old",
        "years",
        "underage",
        "twelve year",
        "seventh",
        "a child",
    ]
    assert refused(category, terms).all()
    assert not refused(category, ["naked", "kissed", "moan"]).any()
    assert not refused("violence", ["teen", "a child"]).any()
