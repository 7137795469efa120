"""Models, plans and rules from a stranger. TAMIS_FUZZ / 50 sets how many damaged bundles are tried a kind (200)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tamis.classifiers import bundle as bundles
from tamis.classifiers import training_config
from tamis.classifiers.errors import BundleError, TamisError, UsageError
from tamis.classifiers.fasttext_write import Layout
from tamis.classifiers.fasttext_write import write as write_columns
from tamis.classifiers.linear_model import quantise
from tamis.classifiers.npz import write_arrays
from tamis.classifiers.passages import Passages
from tamis.interventions.rules import parse_interventions
from tamis.interventions.testing import make_batch
from tamis.pipeline import plan as plans

COUNT = int(os.environ.get("TAMIS_FUZZ", "10000")) // 50
GOLDEN = ["What a calm evening by the lake.", "You grumpy old goose!", ""]
HEADER = {
    "name": "test",
    "version": "1",
    "categories": ["hate"],
    "languages": ["en"],
    "normaliser": "web-1",
    "training": {"family": "test", "sources": []},
}


def lexicon(folder: Path) -> None:
    (folder / "terms.json").write_text(json.dumps({"format": 1, "terms": {"hate": {"grumpy": 0.5}}}))
    bundles.write(folder, {**HEADER, "kind": "lexicon", "parameters": {"file": "terms.json"}}, GOLDEN)


def linear(folder: Path) -> None:
    weights, scale = quantise(np.random.default_rng(1).normal(size=(512, 1)))
    write_arrays(folder / "weights.npz", {"weights": weights, "scale": scale, "intercept": np.zeros(1, np.float32)})
    bundles.write(folder, {**HEADER, "kind": "linear", "parameters": {"buckets": 512, "categories": ["hate"]}}, GOLDEN)


def fast(folder: Path) -> None:
    import fasttext

    (folder / "train").write_text("__label__hate grumpy old goose\n__label__no calm evening lake\n" * 9)
    options = {"dim": 3, "bucket": 50, "minn": 2, "maxn": 3, "loss": "ova", "thread": 1, "verbose": 0, "minCount": 1}
    fasttext.train_supervised(str(folder / "train"), **options).save_model(str(folder / "model.bin"))
    (folder / "train").unlink()
    parameters = {"file": "model.bin", "labels": {"hate": "__label__hate"}}
    bundles.write(folder, {**HEADER, "kind": "fasttext", "parameters": parameters}, GOLDEN)


def network(folder: Path) -> None:
    rng = np.random.default_rng(2)
    columns = ["hate", "unit-0", "unit-1", "mention"]
    words = ["</s>", *sorted({word for text in GOLDEN for word in text.split()})]
    write_columns(folder / "model.bin", words, rng.normal(size=(len(words), 4)), columns, Layout(1, 0))
    shapes = {"mention": (2,), "linear": (2, 1), "inner": (2, 3), "threshold": (3,), "outer": (3, 1), "bias": (1,)}
    write_arrays(folder / "network.npz", {name: rng.normal(size=n).astype(np.float32) for name, n in shapes.items()})
    parameters = {"file": "model.bin", "network": "network.npz", "hidden": 3, "categories": ["hate"]}
    bundles.write(folder, {**HEADER, "kind": "network", "parameters": parameters}, GOLDEN)


KINDS: dict[str, Callable[[Path], None]] = {
    "lexicon": lexicon, "linear": linear, "fasttext": fast, "network": network,
}  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of each kind."""
    folder = tmp_path_factory.mktemp(request.param)
    KINDS[request.param](folder)
    assert bundles.load(str(folder)).categories == ("hate",)
    return folder


def reseal(folder: Path) -> None:
    """Writes true digests into the header, as an author who is hostile would, where there is a header still."""
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, OSError):
        header = json.loads((folder / "bundle.json").read_text())
        for name in list(header["files"]):
            data = (folder / name).read_bytes()
            header["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (folder / "bundle.json").write_text(json.dumps(header))


def truncated(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def mutated(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


@pytest.mark.parametrize("damage", [truncated, mutated])
def test_a_damaged_bundle_is_refused(made: Path, tmp_path: Path, damage: Callable[..., bytes]) -> None:
    """As it is: always. With true digests written into it: or it scores what it always did."""
    whole = bundles.load(str(made)).score(Passages.of(GOLDEN))
    rng, files = random.Random(8), sorted(path.name for path in made.iterdir() if path.name != "README.md")
    alike = 0
    for number in range(COUNT):
        folder = tmp_path / "copy"
        shutil.copytree(made, folder)
        path = folder / files[number % len(files)]
        before = path.read_bytes()
        path.write_bytes(damage(before, rng))
        if path.name != "bundle.json" and path.read_bytes() != before:
            with pytest.raises(BundleError):
                bundles.load(str(folder))
        reseal(folder)
        with contextlib.suppress(BundleError, UsageError):
            scores = bundles.load(str(folder)).score(Passages.of(GOLDEN))
            # Only a flag that no golden text shows may have changed.
            np.testing.assert_allclose(scores, whole, atol=2e-4)
            alike += 1
        shutil.rmtree(folder)
    assert alike < COUNT / 2


class Touching:
    """What a pickle of this runs when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize(
    "name", ["weights.npz", "network.npz", "model.bin", "terms.json", "golden.jsonl", "bundle.json"]
)
@pytest.mark.parametrize("form", ["pickle", "joblib", "objects"])
def test_nothing_in_a_bundle_is_run(tmp_path: Path, name: str, form: str) -> None:
    mark = tmp_path / "was-run"
    for kind, make in KINDS.items():
        folder = tmp_path / kind
        folder.mkdir()
        make(folder)
        if not (folder / name).exists():
            continue
        if form == "pickle":
            (folder / name).write_bytes(pickle.dumps(Touching(mark)))
        elif form == "joblib":
            import joblib

            joblib.dump(Touching(mark), folder / name)
        else:
            arrays = {key: np.array([Touching(mark)], object) for key in ("weights", "scale", "intercept")}
            with (folder / name).open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type] # numpy's stubs take a keyword for an option
        reseal(folder)
        with pytest.raises(BundleError):
            bundles.load(str(folder))
    assert not mark.exists()


def laughing(levels: int) -> Iterator[str]:
    yield "name: &a0 [x, x, x, x, x, x, x, x, x, x]"
    yield from (f"x{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, levels))


HOSTILE_YAML = [
    "a: !!python/object/apply:os.system ['touch {mark}']",
    "!!python/object/new:os.system ['touch {mark}']",
    "a: !!python/name:os.system",
    "\n".join(laughing(9)),
    "corpus: {root: &a [*a]}",
    "a: " + "[" * 1_500,
    "a: " + "{a: " * 5_000,
    "schema: " + "9" * 5_000,
    "name: 2001-13-99",
    "name: !!int x",
    "? [a]\n: b",
    "name: a\nname: b",
    "a: &a\n  <<: *a",
    "name: \x00",
    "name: \ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
]


@pytest.mark.parametrize("text", HOSTILE_YAML, ids=lambda text: text[:20])
def test_a_hostile_plan_is_a_mistake_that_is_told(tmp_path: Path, text: str) -> None:
    mark = tmp_path / "was-run"
    (tmp_path / "plan.yaml").write_text(text.replace("{mark}", str(mark)))
    start = time.process_time()
    with pytest.raises(UsageError):
        plans.load(tmp_path / "plan.yaml")
    with pytest.raises(TamisError):
        training_config.load(tmp_path / "plan.yaml")
    assert not mark.exists()
    assert time.process_time() - start < 30


REDOS = [
    "(a+)+$",
    "(a|aa)+$",
    "(a|a?)+$",
    "([a-zA-Z]+)*$",
    "(.*a){20}$",
    "^(a?){30}a{30}$",
    "(x+x+)+y",
    "(([a-z])+.)+[A-Z]([a-z])+$",
    "(?:.*?,){11}P",
    "a*a*a*a*a*a*a*a*a*b",
]


@pytest.mark.parametrize("pattern", REDOS)
def test_a_pattern_takes_time_in_proportion_to_the_text(pattern: str) -> None:
    """With a backtracking engine the first of these takes longer than the universe has, at 60 letters."""
    rules = {"a": [{"when": f"source matches '{pattern}'", "do": "drop"}]}
    (intervention,) = parse_interventions(rules, {"policy": ("hate",)}).values()
    taken = []
    for size in (20_000, 200_000):
        batch = make_batch(["a"], {"policy": {"hate": [0.0]}}, sources=["a" * size + "!"])
        start = time.process_time()
        intervention.decide(batch)
        taken.append(time.process_time() - start)
    assert taken[1] < max(0.5, 40 * taken[0]), taken


@pytest.mark.parametrize(
    "pattern", ["((a{100}){100}){100}", "(?=a)b", "a" * 100 + "{1000}" * 3, "\\C*(?P<a", "(" * 5_000]
)
def test_a_pattern_that_would_take_memory_or_another_engine_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError):
        parse_interventions({"a": [{"when": f"source matches '{pattern}'", "do": "drop"}]}, {"policy": ("hate",)})
