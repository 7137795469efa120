import pytest

from tamis.interventions import gate
from tamis.interventions.gate import Found

COUNTS = {"seen": 1000, "kept": 900, "dropped": 95, "quarantined": 5}


def checked(limits, counts=None, **found):
    return gate.check(limits, Found(counts or COUNTS, **found))


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
    assert [item.name for item in checked(limits, unscored=unscored) if not item.passed] == broken


def test_an_empty_corpus_breaks_the_minimum_and_no_share():
    found = checked({"max_drop_rate": 0.1, "min_documents": 1}, dict.fromkeys(COUNTS, 0))
    assert [(item.name, item.passed) for item in found] == [("max_drop_rate", True), ("min_documents", False)]


def test_a_breach_names_both_numbers_and_the_key():
    (item,) = checked({"max_drop_rate": 0.05})
    assert item.sentence() == "9.5000% breaks gate.max_drop_rate 5.0000%"


def estimate(value, low, high):
    return {"value": value, "low": low, "high": high}


def since(psi=0.3, noise=0.01, change=(0.02, 0.01, 0.03), rate=0.04, then=1000, now=800, reason=None):
    return {
        "documents": {"then": then, "now": now},
        "drop_rate": {"then": 0.1, "now": 0.1 + rate, "change": rate},
        "scores": {
            "policy.hate": {"psi": psi, "noise": noise, "then": then, "now": now},
            "policy.sexual": {"psi": 0.0, "noise": noise, "then": then, "now": now},
        },
        "prevalence": {
            "reason": reason,
            "corpus": {},
            "published": {} if reason else {"hate": {"change": estimate(*change)}},
        },
    }


RELATIVE = ("max_drift_psi", "max_prevalence_change", "max_drop_rate_change", "min_documents_ratio")


@pytest.mark.parametrize(
    ("limits", "found", "passed", "said"),
    [
        ({"max_drift_psi": 0.2}, since(), False, "0.3 (policy.hate) breaks gate.max_drift_psi 0.2"),
        ({"max_drift_psi": 0.3}, since(), True, "0.3 (policy.hate) meets gate.max_drift_psi 0.3"),
        ({"max_drift_psi": 0.2}, since(noise=0.1), True, "meets gate.max_drift_psi 0.2: within three times the noise"),
        ({"max_prevalence_change": 0.01}, since(), False, "2 points (hate) breaks gate.max_prevalence_change 1 points"),
        ({"max_prevalence_change": 0.03}, since(), True, "2 points (hate) meets"),
        ({"max_prevalence_change": 0.01}, since(change=(-0.02, -0.03, -0.01)), False, "-2 points (hate) breaks"),
        ({"max_prevalence_change": 0.01}, since(change=(0.02, -0.01, 0.05)), True, "within the interval"),
        ({"max_prevalence_change": 0.01}, since(reason="another evaluator"), True, "was not measured: another evalu"),
        ({"max_drop_rate_change": 0.03}, since(), False, "4 points breaks gate.max_drop_rate_change 3 points"),
        ({"max_drop_rate_change": 0.03}, since(rate=-0.04), False, "-4 points breaks"),
        ({"max_drop_rate_change": 0.05}, since(), True, "meets"),
        ({"min_documents_ratio": 0.9}, since(), False, "×0.8 breaks gate.min_documents_ratio ×0.9"),
        ({"min_documents_ratio": 0.8}, since(), True, "×0.8 meets"),
    ],
)
def test_conditions_against_the_run_before(limits, found, passed, said):
    (item,) = checked(limits, since=found)
    assert item.passed is passed
    assert said in item.sentence()


def test_the_first_run_passes_what_compares_and_says_that_nothing_was_measured():
    found = checked(dict.fromkeys(RELATIVE, 0.0))
    assert [(item.name, item.passed, item.value) for item in found] == [(name, True, None) for name in RELATIVE]
    assert found[0].sentence() == "gate.max_drift_psi 0 was not measured: nothing was published before"


def test_a_run_before_that_cannot_be_read_is_no_first_run():
    found = checked({**dict.fromkeys(RELATIVE, 0.0), "max_drop_rate": 1.0}, fault="its report is gone")
    assert [item.passed for item in found] == [True, False, False, False, False]
    assert found[1].sentence() == "gate.max_drift_psi 0 was not measured: its report is gone"


def group(low, p, documents=400):
    return {"ratio": estimate(None if low is None else 2.0, low, 3.0), "p": p, "documents": documents}


@pytest.mark.parametrize(
    ("rows", "passed", "value"),
    [
        ({"women": group(1.6, 0.001), "men": group(0.8, 0.9)}, False, 1.6),
        ({"women": group(1.4, 0.001), "men": group(0.8, 0.9)}, True, 1.4),
        ({"women": group(1.6, 0.2), "men": group(0.8, 0.9)}, True, 1.6),
        ({"women": group(1.6, 0.2), "men": group(1.55, 0.01)}, False, 1.55),
        ({"women": group(None, None)}, True, None),
        (None, True, None),
    ],
)
def test_collateral_counts_where_the_lower_limit_is_above_and_stands_up_to_many_groups(rows, passed, value):
    (item,) = checked({"max_collateral": 1.5}, groups=rows)
    assert (item.passed, item.value) == (passed, value)


def test_a_breach_of_collateral_names_the_group():
    (item,) = checked({"max_collateral": 1.5}, groups={"women": group(1.6, 0.001)})
    assert item.sentence() == "×1.6 (lower limit of `women`, 400 documents) breaks gate.max_collateral ×1.5"
