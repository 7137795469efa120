"""The configuration of a training run: a closed schema, read from YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

from tamis.classifiers.errors import UsageError
from tamis.classifiers.taxonomy import CATEGORIES

__all__ = ["Member", "Source", "TrainingConfig", "load"]


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A declared source of labelled texts.

    Attributes:
        name: Its name in the card.
        path: Labelled JSONL or CSV, relative to the configuration's folder or to `root`.
        licence: Licence of its texts and labels.
        labelled_by: Who or what labelled it: what an evaluator and a filter must not share.
        repeat: How often a row is learned from; between 0 and 1 it is the share of the rows.
        disguise: Share of extra copies with disguised words (training only).
        embed: Share of rows of up to 200 characters that are put between ordinary sentences (training only).
        clip: Share of extra copies cut to one sentence, background only: ordinary text is short as well.
        swap: Share of extra copies in which another identity term stands for each one mentioned (training only).
        negatives_for: If given, negatives count for these categories only.
    """

    name: str
    path: str
    licence: str
    labelled_by: tuple[str, ...]
    repeat: float = 1.0
    disguise: float = 0.0
    embed: float = 0.0
    swap: float = 0.0
    clip: float = 0.0
    negatives_for: tuple[str, ...] = ()


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member of a combination.

    Attributes:
        kind: "fasttext", "linear", "lexicon" or "network".
        parameters: Hyper-parameters of its kind.
        sources: Names of the sources that it is fitted to; all where none is given.
        counts_for: Categories in which it has a weight; all where none is given.
    """

    kind: str
    parameters: dict[str, Any] = {}
    sources: tuple[str, ...] = ()
    counts_for: tuple[str, ...] = ()


class TrainingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is trained, from what, and for which base rates.

    Attributes:
        name: Name of the bundle.
        kind: "fasttext", "linear", "lexicon", "network" or "combination".
        sources: Declared sources.
        base_rates: Share of web passages that are positive, per category: what thresholds are computed for.
        categories: Columns.
        languages: ISO codes that the model may be asked about.
        normaliser: What the model reads.
        version: Version of the bundle.
        seed: Seed of everything.
        split: Shares of train, tune and calibrate.
        background: Sources of ordinary text: the negatives that calibration mostly counts.
        background_weight: Weight of those negatives in calibration; the rest is the other sources' negatives.
        balance: Positives of a category are repeated until they are at least this share of its training rows.
        contradictions: "error" or "unknown"; see `datasets.resolve`.
        held_out: Files whose texts must not be in training.
        parameters: Hyper-parameters of the kind.
        members: What a combination consists of; its `parameters` are `method` and `penalty`.
        search: Alternatives; each overrides some parameters, the best on the tuning split is taken.
        golden: File of texts, one a line, whose scores the bundle records.
        vectors: Word vectors from unlabelled text, a .vec file as word2vec and fastText write it.
    """

    name: str
    kind: str
    sources: tuple[Source, ...]
    base_rates: dict[str, float]
    categories: tuple[str, ...] = CATEGORIES
    languages: tuple[str, ...] = ("en",)
    normaliser: str = "web-1"
    version: str = "1"
    seed: int = 0
    split: dict[str, float] = msgspec.field(default_factory=lambda: {"train": 0.75, "tune": 0.1, "calibrate": 0.15})
    background: tuple[str, ...] = ()
    background_weight: float = 0.9
    balance: float = 0.0
    contradictions: str = "error"
    held_out: tuple[str, ...] = ()
    parameters: dict[str, Any] = {}
    members: tuple[Member, ...] = ()
    search: tuple[dict[str, Any], ...] = ()
    golden: str = ""
    vectors: str = ""


def load(path: str | Path) -> TrainingConfig:
    """Reads and checks a configuration.

    Raises:
        UsageError: It is missing, not YAML, has an unknown key or a value out of range.
    """
    path = Path(path)
    try:
        config = msgspec.convert(yaml.safe_load(path.read_text("utf-8")), TrainingConfig)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({type(error).__name__}); check the path") from error
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise UsageError(f"{path}: {error}; see `tamis classifier train --help` for the keys") from error
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        # What YAML's constructors let through: a date that is none, a thousand brackets.
        raise UsageError(f"{path}: a value cannot be read ({type(error).__name__}): put strings in quotes") from None
    _check(config, path)
    return config


def _check(config: TrainingConfig, path: Path) -> None:
    if set(config.split) != {"train", "tune", "calibrate"}:
        raise UsageError(f"{path}: split: found {sorted(config.split)}, expected train, tune and calibrate")
    if set(config.base_rates) != set(config.categories):
        raise UsageError(f"{path}: base_rates: found {sorted(config.base_rates)}, expected one for each category")
    if not all(0 < rate < 1 for rate in config.base_rates.values()):
        raise UsageError(f"{path}: base_rates: each must be between 0 and 1, for instance 0.005")
    if not 0 <= config.background_weight < 1:
        raise UsageError(f"{path}: background_weight: found {config.background_weight}, expected 0 up to below 1")
    if config.contradictions not in {"error", "unknown"}:
        raise UsageError(f"{path}: contradictions: found {config.contradictions!r}, expected error or unknown")
    names = [source.name for source in config.sources]
    if not names or len(set(names)) != len(names):
        raise UsageError(f"{path}: sources: expected one or more, each with its own name")
    if missing := sorted(set(config.background) - set(names)):
        raise UsageError(f"{path}: background: {missing[0]!r} is not the name of a source")
    if strange := [source.name for source in config.sources if source.clip and source.name not in config.background]:
        raise UsageError(f"{path}: clip: {strange[0]!r} is no background; a sentence of a positive may be harmless")
    _check_members(config, set(names), path)


def _check_members(config: TrainingConfig, names: set[str], path: Path) -> None:
    if (config.kind == "combination") != bool(config.members):
        raise UsageError(f"{path}: members: a combination has one or more, another kind has none")
    if config.members and config.search:
        raise UsageError(f"{path}: search: the tuning split is used to fit a combination's weights; leave it out")
    for member in config.members:
        if strange := sorted(set(member.sources) - names):
            raise UsageError(f"{path}: members: {strange[0]!r} is not the name of a source")
        if strange := sorted(set(member.counts_for) - set(config.categories)):
            raise UsageError(f"{path}: members: counts_for: {strange[0]!r} is no category")
    for category in config.categories if config.members else ():
        if not any(category in member.counts_for or not member.counts_for for member in config.members):
            raise UsageError(f"{path}: members: none counts for {category}")
