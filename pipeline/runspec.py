"""A run, resolved: the plan with its bundles pinned, its sampling rate fixed and its identity computed.

A run spec is plain data. It travels to the workers inside the job graph, and it is the part of the manifest that
says what was run. It holds no list of shards: workers and launcher list the corpus for themselves and compare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib import metadata
from typing import Any

import msgspec

from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.plan import Plan

__all__ = ["PilotPart", "RunSpec", "identified", "inputs_digest", "package_versions", "resolve"]

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
        fingerprint: Identity of what is done to a shard: everything above except where input and output lie, which
            inputs there are, and the gate, which looks at the whole.
        run_id: Identity of the run: fingerprint, gate and inputs.
        proxy_level: One document in 2**proxy_level is in the sample that the proxy model learns from; None = no proxy.
        proxy_lexicon: Id of the word list that its output is scored with.
        scores: The run whose stored scores were decided on; None = the documents were scored.
        points: Where the operating points lie that the rules name.
        floors: Score of each category of each classifier from which on passages are stored.
        pilot: What the launcher looked at to set `sample_level` and `rates`; with `pilot_scale`, how many times these
            shards the corpus is.
        contents: Digest of the contents of the shards whose sizes do not tell them from those of a finished run,
            see `runs.told_apart`; "" where there are none.
        base: The run that was published at the launch, see `manifest.base_of`; None = not told. It is no part of the
            run's identity, and of its record neither.
        reuse: The run whose receipts and outputs may be taken over, see `reuse`; as little part of either.
        redecide: The run whose scores of unchanged shards are decided on again, see `rescored`; no part of either.
        rehash: Whether a shard counts as unchanged only when its bytes have been read; as little part of either.
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
    contents: str = ""
    base: str | None = None
    reuse: str | None = None
    redecide: str | None = None
    rehash: bool = False
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
    """Resolves a run; the same arguments give the same identity on any machine."""
    return identified(
        RunSpec(
            plan=plan,
            bundles=bundles,
            evaluator=evaluator,
            sample_level=level,
            rates={},
            inputs=inputs,
            version=metadata.version("tamis"),
            fingerprint="",
            run_id="",
            scores=scores,
            proxy_level=None if proxy is None else proxy[0],
            proxy_lexicon=None if proxy is None else proxy[1],
        )
    )


def identified(spec: RunSpec, **changes: Any) -> RunSpec:
    """Returns a spec with some of its attributes changed, and the identity that follows."""
    spec = msgspec.structs.replace(spec, **changes)
    policy = msgspec.to_builtins(spec.plan)
    gate, report = policy.pop("gate"), policy.pop("report")
    del policy["output"], policy["corpus"]["root"], policy["corpus"]["manifest"]
    fingerprint = hashlib.sha256(canonical_bytes(_content(spec, policy))).hexdigest()
    told = [fingerprint, spec.inputs, canonical_bytes(gate).decode(), *([spec.contents] if spec.contents else ())]
    if report["licence"] is not None:
        told.append(canonical_bytes(report["licence"]).decode())
    run_id = hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
    return msgspec.structs.replace(spec, fingerprint=fingerprint, run_id=run_id)


def _content(spec: RunSpec, policy: dict[str, Any]) -> dict[str, Any]:
    """Returns what a fingerprint is the digest of."""
    content: dict[str, Any] = {"plan": policy, "version": spec.version}
    content |= {"bundles": spec.bundles, "evaluator": spec.evaluator, "sample_level": spec.sample_level}
    if spec.plan.report.excerpts:
        # Receipts hold them.
        content["excerpts"] = spec.plan.report.excerpts
    if spec.rates:
        content["rates"] = spec.rates
    if spec.scores is not None:
        content["scores"] = spec.scores
    if spec.proxy_level is not None:
        content["proxy"] = [spec.proxy_level, spec.proxy_lexicon]
    return content


def inputs_digest(listing: Iterable[tuple[str, int]]) -> str:
    """Returns the sha256 of a listing of (path under the root, size in bytes), in path order."""
    state = hashlib.sha256()
    for path, size in listing:
        state.update(canonical_bytes([path, size]) + b"\n")
    return state.hexdigest()


def package_versions() -> dict[str, str]:
    """Returns the installed versions of the packages that can change a result."""
    return {name: metadata.version(name) for name in PACKAGES}
