"""The plan: one closed YAML file that says what is filtered, how, and what is published.

Policy lives here and nowhere else, so that the fingerprint of a run means something. Flags override run-time
facts only (input, output, runner).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tamis.classifiers.errors import UsageError
from tamis.pipeline import fetched, plan_checks, plan_yaml

__all__ = [
    "ATTRIBUTES",
    "ClassifierRef",
    "Corpus",
    "Evaluate",
    "Fields",
    "Gate",
    "PassagePlan",
    "Plan",
    "ReportPlan",
    "elsewhere",
    "load",
    "parse",
]

SCHEMA = 1
#: What stands before the root of attributes that take the place of a classifier.
ATTRIBUTES = "dolma:"


class Fields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a record keeps what tamis needs; dots reach into nested objects.

    Attributes:
        id: Field of the document's id; where it is missing a stable synthetic id is made.
        text: Field of the document's text.
        source: Field of the document's source, for breakdowns.
        url: Field of the document's url; its host is the domain of breakdowns.
        extra: Further fields that rules may name as `field.NAME`.
    """

    id: str = "id"
    text: str = "text"
    source: str | None = None
    url: str | None = None
    extra: dict[str, str] = {}


class Corpus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The input: every file under `root` that matches `shards`.

    Attributes:
        root: A folder, or a URL of a storage.
        shards: A glob pattern, relative to the root.
        format: The format of every shard; None = told from the name.
        write: What kept documents are written as, see `targets`; None = in the format that they came in.
        fields: Where a record keeps what tamis needs.
        manifest: A list of what the files must be, see `inventory`; None = there is none.
        split_bytes: Stored bytes; what is larger, and Parquet or JSON Lines on a disk, plain or in several zstd
            frames, is split, see `splits`. None = nothing is.
    """

    root: str
    shards: str = "**/*"
    format: str | None = None
    write: str | None = None
    fields: Fields = Fields()
    manifest: str | None = None
    split_bytes: int | None = 1 << 30


class ClassifierRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bundle: `builtin:NAME`, a folder or a URL, pinned by the sha256 of its bundle.json where one is given.

    `plugin:NAME` is a classifier of another package, `dolma:ROOT` the attributes of Dolma's taggers, with the attribute
    of each category in `map`, and with `absent: 0` a score of 0 where a row lacks it.
    """

    path: str
    sha256: str | None = None
    aggregate: str = "max"
    map: dict[str, str] | None = None
    absent: int | None = None

    @property
    def attributes(self) -> str | None:
        """Root of the attributes of Dolma's taggers, None where the path is that of a classifier."""
        return self.path.removeprefix(ATTRIBUTES) if self.path.startswith(ATTRIBUTES) else None


class PassagePlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How documents are cut into passages: paragraphs packed to about `target` characters."""

    target: int = 400


class Evaluate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is evaluated, and what with.

    Attributes:
        sample: The evaluator scores about so many documents, by hash of the id, or all when there are fewer.
        proxy_lm: Whether a small language model is trained on before and after, and asked: minutes at the run's end.
        proxy_tokens: Tokens that it is trained on.
        proxy_lexicon: The word list that makes its output toxic: a bundle of the kind lexicon; None: the shipped one.
    """

    sample: int = 50_000
    proxy_lm: bool = False
    proxy_tokens: int = 1_000_000
    proxy_lexicon: str | None = None


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Conditions of publishing; None = no condition. Shares are of the documents seen, in [0, 1].

    The last four compare with the run that is published, and hold where there is none.

    Attributes:
        max_drop_rate: Share of documents dropped.
        max_quarantine: Share of records that could not be read.
        max_unscored: Share of documents that a classifier left unscored.
        min_documents: Documents.
        max_collateral: Removal-rate ratio of an identity group, by its interval's lower limit; 1 or more.
        max_drift_psi: Population stability index of a category's scores, where it is beyond the noise.
        max_prevalence_change: Difference of the share that the evaluator flags in what is published, where its
            interval does not hold 0.
        max_drop_rate_change: Difference of the share of documents dropped.
        min_documents_ratio: Documents, as a multiple of those of the published run.
    """

    max_drop_rate: float | None = None
    max_quarantine: float = 0.001
    max_unscored: float | None = None
    min_documents: int = 1
    max_collateral: float | None = None
    max_drift_psi: float | None = None
    max_prevalence_change: float | None = None
    max_drop_rate_change: float | None = None
    min_documents_ratio: float | None = None


class ReportPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the report shows.

    Attributes:
        excerpts: Passages shown of each rule and category, masked and drawn by hash; 0 = no text of any document.
        licence: Licence of the documents, for the dataset card; None = unknown.
    """

    excerpts: int = 0
    licence: str | None = None


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A parsed plan. `interventions` keeps the rules as written; `tamis.interventions.rules` gives them meaning.

    `quarantine_minors` adds a rule to each of them, see `binding`.
    """

    name: str
    corpus: Corpus
    classifiers: dict[str, ClassifierRef | str]
    interventions: dict[str, list[dict[str, Any]]]
    output: str
    schema: int = SCHEMA
    evaluator: ClassifierRef | str | None = None
    publish: str | None = None
    quarantine_minors: bool = True
    passages: PassagePlan = PassagePlan()
    evaluate: Evaluate = Evaluate()
    gate: Gate = Gate()
    report: ReportPlan = ReportPlan()

    def refs(self) -> dict[str, ClassifierRef]:
        """Returns the classifiers with the short form spelled out."""
        return {name: _ref(value) for name, value in self.classifiers.items()}

    def evaluator_ref(self) -> ClassifierRef | None:
        """Returns the evaluator with the short form spelled out, None where the plan names none."""
        return None if self.evaluator is None else _ref(self.evaluator)


def _ref(value: ClassifierRef | str) -> ClassifierRef:
    return ClassifierRef(path=value) if isinstance(value, str) else value


def load(path: str | Path) -> Plan:
    """Reads and checks a plan.

    Args:
        path: A file, or a URL of one (s3://, gs://, az://, http(s)://).

    Raises:
        UsageError: The file is missing or unreadable, is not YAML, or is not a plan; the message names the key,
            the line where YAML knows it, and the nearest known key.
    """
    try:
        text = fetched.read(str(path)).decode()
    except FileNotFoundError:
        raise UsageError(f"{path}: no such plan; `tamis run PLAN` takes the path or URL of a YAML file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from None
    try:
        return parse(text)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def parse(text: str) -> Plan:
    """Parses a plan from YAML text; see `load`."""
    raw = plan_yaml.mapping(text, Plan)
    _check_schema(raw)
    plan_yaml.check_keys(raw, Plan)
    try:
        plan = msgspec.convert(raw, Plan)
    except msgspec.ValidationError as error:
        raise UsageError(plan_yaml.humanised(str(error))) from None
    plan_checks.check(plan)
    return _whole(plan)


def elsewhere(plan: Plan, root: str | None, output: str | None) -> Plan:
    """Returns a plan that reads its corpus from, and writes its runs to, another root; None = as it says."""
    if root is not None:
        plan = msgspec.structs.replace(plan, corpus=msgspec.structs.replace(plan.corpus, root=root))
    return plan if output is None else msgspec.structs.replace(plan, output=output)


def _whole(plan: Plan) -> Plan:
    """Splits no shard where scores come from Dolma's attributes, whose rows belong to records of whole files."""
    refs = [*plan.refs().values(), plan.evaluator_ref()]
    if any(ref is not None and ref.attributes is not None for ref in refs):
        return msgspec.structs.replace(plan, corpus=msgspec.structs.replace(plan.corpus, split_bytes=None))
    return plan


def _check_schema(raw: Mapping[str, Any]) -> None:
    found = raw.get("schema", SCHEMA)
    if found != SCHEMA:
        raise UsageError(f"`schema: {found}` is not known to this version of tamis; it reads `schema: {SCHEMA}`")
