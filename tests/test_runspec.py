import pytest

from tamis.pipeline import plan as plans
from tamis.pipeline import runspec

PLAN = """\
name: web
corpus: {root: corpus}
classifiers: {policy: builtin:policy-en}
interventions:
  drop: [{when: "hate >= 0.9", do: drop}]
publish: drop
output: out
"""


def resolved(plan=PLAN, bundles=None, level=None, inputs="i"):
    return runspec.resolve(plans.parse(plan), bundles or {"policy": "p@1"}, None, level, inputs)


def test_the_same_run_has_the_same_identity():
    assert resolved() == resolved()


@pytest.mark.parametrize("moved", [("out\n", "elsewhere\n"), ("root: corpus", "root: copy")])
def test_where_a_corpus_lies_is_not_part_of_the_policy(moved):
    assert resolved(PLAN.replace(*moved)).run_id == resolved().run_id


@pytest.mark.parametrize(
    "change",
    [
        {"plan": PLAN.replace("0.9", "0.8")},
        {"plan": PLAN.replace("do: drop", "do: tag")},
        {"bundles": {"policy": "p@2"}},
        {"level": 3},
    ],
)
def test_a_change_of_policy_changes_the_fingerprint(change):
    assert resolved(**change).fingerprint != resolved().fingerprint


def test_other_inputs_are_another_run_of_the_same_policy():
    other = resolved(inputs="j")
    assert other.fingerprint == resolved().fingerprint
    assert other.run_id != resolved().run_id


def test_the_listing_digest_sees_paths_sizes_and_order():
    listing = [("a", 1), ("b", 2)]
    assert runspec.inputs_digest(listing) == runspec.inputs_digest(iter(listing))
    others = ([("a", 1)], [("a", 1), ("b", 3)], [("a", 1), ("c", 2)], [("b", 2), ("a", 1)])
    assert len({runspec.inputs_digest(other) for other in (listing, *others)}) == 5
