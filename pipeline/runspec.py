"""A run, resolved: the plan with its bundles pinned, its sampling rate fixed and its identity computed.

A run spec is plain data. It travels to the workers inside the job graph, and it is the part of the manifest that
says what was run. It holds no list of shards: workers and launcher list the corpus for themselves and compare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib import metadata

import msgspec

from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.plan import Plan

__all__ = ["PilotPart", "RunSpec", "inputs_digest", "package_versions", "resolve"]

PACKAGES = ("apache-beam", "numba", "numpy", "pyarrow", "scikit-learn", "zstandard", "isal")


class PilotPart(msgspec.Struct, frozen=True, array_like=True):
    """The first documents of a shard, which the launcher looked at: how many, and how many times them it is."""

    shard: str
    documents: int
    scale: float


class RunSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a worker must know.

    Attributes:
        plan: The plan, with run-time overrides applied.
        bundles: Bundle id of each classifier, by the plan's name.
        evaluator: Bundle id of the evaluator, None where the plan has none.
        sample_level: The evaluator scores one document in 2**sample_level, by hash of the id; None = none.
        rates: Share of the words that each intervention matched by a random control removes, by a pilot.
        inputs: Digest of the listing (paths and sizes) that the launcher saw.
        version: Version of tamis.
        fingerprint: Identity of the policy: everything above except where input and output lie.
        run_id: Identity of the run: fingerprint and inputs.
        proxy_level: One document in 2**proxy_level is in the sample that the proxy model learns from; None = no proxy.
        proxy_lexicon: Id of the word list that its output is scored with.
        scores: The run whose stored scores were decided on; None = the documents were scored.
        points: Where the operating points lie that the rules name.
        floors: Score of each category of each classifier from which on passages are stored.
        pilot: What the launcher looked at to set `sample_level` and `rates`; with `pilot_scale`, how many times these
            shards the corpus is.
        base: The run that was published at the launch, see `manifest.base_of`; None = not told. It is no part of the
            run's identity, and of its record neither.
        launcher: What is installed where the run was launched, see `versions`; as little part of its record.
    """

    plan: Plan
    bundles: dict[str, str]
    evaluator: str | None
    sample_level: int | None
    rates: dict[str, float]
    inputs: str
    version: str
    fingerprint: str
    run_id: str
    proxy_level: int | None = None
    proxy_lexicon: str | None = None
    scores: str | None = None
    points: dict[str, float] = {}
    floors: dict[str, dict[str, float]] = {}
    pilot: list[PilotPart] = []
    pilot_scale: float = 0.0
    base: str | None = None
    launcher: dict[str, str] = {}

    @property
    def folder(self) -> str:
        """The run's folder under the output root."""
        return f"runs/{self.run_id}"


def resolve(
    plan: Plan,
    bundles: dict[str, str],
    evaluator: str | None,
    level: int | None,
    inputs: str,
    scores: str | None = None,
    proxy: tuple[int, str] | None = None,
) -> RunSpec:
    """Computes the identity of a run; the same arguments give the same run id on any machine."""
    version = metadata.version("tamis")
    policy = msgspec.to_builtins(plan)
    del policy["output"], policy["corpus"]["root"]
    content = {"plan": policy, "bundles": bundles, "evaluator": evaluator, "sample_level": level, "version": version}
    if scores is not None:
        content["scores"] = scores
    if proxy is not None:
        content["proxy"] = proxy
    fingerprint = hashlib.sha256(canonical_bytes(content)).hexdigest()
    run_id = hashlib.sha256(f"{fingerprint}\n{inputs}".encode()).hexdigest()[:16]
    return RunSpec(
        plan=plan,
        bundles=bundles,
        evaluator=evaluator,
        sample_level=level,
        rates={},
        inputs=inputs,
        version=version,
        fingerprint=fingerprint,
        run_id=run_id,
        scores=scores,
        proxy_level=None if proxy is None else proxy[0],
        proxy_lexicon=None if proxy is None else proxy[1],
    )


def inputs_digest(listing: Iterable[tuple[str, int]]) -> str:
    """Returns the sha256 of a listing of (path under the root, size in bytes), in path order."""
    state = hashlib.sha256()
    for path, size in listing:
        state.update(canonical_bytes([path, size]) + b"\n")
    return state.hexdigest()


def package_versions() -> dict[str, str]:
    """Returns the installed versions of the packages that can change a result."""
    return {name: metadata.version(name) for name in PACKAGES}
