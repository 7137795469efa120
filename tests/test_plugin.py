import numpy as np
import pytest

from tamis.classifiers import plugin
from tamis.classifiers.errors import BundleError, UsageError
from tamis.classifiers.passages import Passages

MODULE = '''
import numpy as np

class Shouting:
    """Says how loud a passage is."""

    categories = ("loud",)
    languages = ("en",)
    fingerprint = "1"

    def score(self, texts):
        return np.array([[sum(map(str.isupper, text)) / max(len(text), 1)] for text in texts])

class Wrong(Shouting):
    def score(self, texts):
        return np.zeros((1, 9))

class Beyond(Shouting):
    def score(self, texts):
        return np.full((len(texts), 1), 2.0)

def broken():
    raise RuntimeError("no model here")

def nothing():
    return object()
'''

POINTS = """\
[tamis.classifiers]
shouting = loudness:Shouting
wrong = loudness:Wrong
beyond = loudness:Beyond
broken = loudness:broken
nothing = loudness:nothing
"""


@pytest.fixture(autouse=True)
def installed(tmp_path, monkeypatch):
    """A package with entry points, as pip would install it."""
    (tmp_path / "loudness.py").write_text(MODULE)
    facts = tmp_path / "loudness-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: loudness\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_a_callable_scores_passages():
    loaded = plugin.load("plugin:shouting")
    assert loaded.categories == ("loud",)
    assert np.allclose(loaded.score(Passages.of(["AB", "aB", ""])), [[1.0], [0.5], [0.0]])
    assert loaded.threshold("loud", "default") == 0.5
    assert loaded.card() == "Says how loud a passage is."


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("shoutin", UsageError, "there are: beyond, broken, nothing, shouting, wrong"),
        ("broken", BundleError, "RuntimeError: no model here"),
        ("nothing", BundleError, "no object with `categories` and `score`"),
    ],
)
def test_what_cannot_be_loaded_is_named(name, error, message):
    with pytest.raises(error, match=message):
        plugin.load(f"plugin:{name}")


@pytest.mark.parametrize(("name", "message"), [("wrong", "expected scores of shape"), ("beyond", "from 0 to 1")])
def test_scores_of_another_shape_or_range_stop_the_job(name, message):
    with pytest.raises(BundleError, match=message):
        plugin.load(f"plugin:{name}").score(Passages.of(["a", "b"]))


def test_an_operating_point_is_refused():
    with pytest.raises(UsageError, match="write a number"):
        plugin.load("plugin:shouting").threshold("loud", "precision", 0.95)
