import pytest

from tamis.interventions import gate

COUNTS = {"seen": 1000, "kept": 900, "dropped": 95, "quarantined": 5}


@pytest.mark.parametrize(
    ("limits", "unscored", "broken"),
    [
        ({}, 0, []),
        ({"max_drop_rate": 0.095}, 0, []),
        ({"max_drop_rate": 0.0949}, 0, ["max_drop_rate"]),
        ({"max_quarantine": 0.001}, 0, ["max_quarantine"]),
        ({"max_unscored": 0.1}, 101, ["max_unscored"]),
        ({"max_unscored": 0.1}, None, ["max_unscored"]),
        ({"min_documents": 1001}, 0, ["min_documents"]),
        ({"max_drop_rate": 0.01, "min_documents": 2000}, 0, ["max_drop_rate", "min_documents"]),
    ],
)
def test_conditions(limits, unscored, broken):
    assert [item.name for item in gate.check(limits, COUNTS, unscored) if not item.passed] == broken


def test_an_empty_corpus_breaks_the_minimum_and_no_share():
    counts = dict.fromkeys(COUNTS, 0)
    found = gate.check({"max_drop_rate": 0.1, "min_documents": 1}, counts, 0)
    assert [(item.name, item.passed) for item in found] == [("max_drop_rate", True), ("min_documents", False)]


def test_a_breach_names_both_numbers_and_the_key():
    (item,) = gate.check({"max_drop_rate": 0.05}, COUNTS, 0)
    assert item.sentence() == "9.5000% breaks gate.max_drop_rate 5.0000%"
