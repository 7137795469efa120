from types import SimpleNamespace

import pytest

from tamis.pipeline.independence import certificate


def bundle(name, family="fasttext", sources=("a",), labels=("x",)):
    training = {"family": family, "sources": [{"name": source, "families": list(labels)} for source in sources]}
    return SimpleNamespace(id=f"{name}@1", kind=family, training=training)


def failed(filter_bundle, evaluator):
    found = certificate({"policy": filter_bundle}, evaluator)
    return [name for name, passed, _ in found.findings if not passed]


def test_other_family_other_data_other_labels_is_independent():
    found = certificate({"policy": bundle("p")}, bundle("e", "linear", ("b",), ("y",)))
    assert found.independent
    assert all(check["passed"] for check in found.record()["checks"])


@pytest.mark.parametrize(
    ("evaluator", "checks"),
    [
        (bundle("p"), ["identity", "family", "training data", "labels"]),
        (bundle("e", "fasttext", ("b",), ("y",)), ["family"]),
        (bundle("e", ["fasttext", "linear"], ("b",), ("y",)), ["family"]),
        (bundle("e", ["lexicon", "linear"], ("b",), ("y",)), []),
        (bundle("e", "linear", ("a", "b"), ("y",)), ["training data"]),
        (bundle("e", "linear", ("b",), ("x",)), ["labels"]),
        (bundle("e", "linear", (), ()), ["training data"]),
    ],
)
def test_what_is_shared_is_named(evaluator, checks):
    assert failed(bundle("p"), evaluator) == checks


def test_no_evaluator_is_no_independent_one():
    assert not certificate({"policy": bundle("p")}, None).independent
