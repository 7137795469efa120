"""The plan: one closed YAML file that says what is filtered, how, and what is published.

Policy lives here and nowhere else, so that the fingerprint of a run means something. Flags override run-time
facts only (input, output, runner).
"""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import yaml

from tamis.classifiers.errors import UsageError
from tamis.pipeline import fetched, locations
from tamis.pipeline.targets import TARGETS

__all__ = [
    "ClassifierRef",
    "Corpus",
    "Evaluate",
    "Fields",
    "Gate",
    "PassagePlan",
    "Plan",
    "ReportPlan",
    "load",
    "parse",
]

SCHEMA = 1


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
        split_bytes: Stored bytes; what is larger, and Parquet or plain JSON Lines on a disk, is split, see `splits`.
            None = nothing is.
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


class _StrictLoader(yaml.SafeLoader):
    """YAML's safe loader, which does not take the last of two equal keys without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise UsageError(
                    f"line {key_node.start_mark.line + 1}: the key {key!r} stands twice; "
                    "keep one of them, since only one could take effect"
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def load(path: str | Path) -> Plan:
    """Reads and checks a plan.

    Args:
        path: A file, or a URL of one (s3://, gs://, az://, http(s)://).

    Raises:
        UsageError: The file is missing or unreadable, is not YAML, or is not a plan; the message names the key,
            the line where YAML knows it, and the nearest known key.
    """
    try:
        text = _read(str(path))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such plan; `tamis run PLAN` takes the path or URL of a YAML file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from None
    try:
        return parse(text)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _read(path: str) -> str:
    folder = locations.local_folder(path)
    return (fetched.read(path) if folder is None else Path(folder).read_bytes()).decode()


def parse(text: str) -> Plan:
    """Parses a plan from YAML text; see `load`."""
    try:
        raw = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a subclass of the safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise UsageError(f"{where}not valid YAML: {getattr(error, 'problem', None) or 'see the YAML syntax'}") from None
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        # A date that is none, a key that is a list, a number of 5,000 digits, a thousand brackets.
        raise UsageError(
            f"not a plan: a value in it cannot be read ({type(error).__name__}): put strings in quotes"
        ) from None
    if not isinstance(raw, dict):
        raise UsageError(f"expected a mapping with the keys {_names(Plan)}, found {_kind(raw)}")
    _check_schema(raw)
    _check_keys(raw, Plan, "")
    try:
        plan = msgspec.convert(raw, Plan)
    except msgspec.ValidationError as error:
        raise UsageError(_humanise(str(error))) from None
    _check_meaning(plan)
    return _whole(plan)


def _whole(plan: Plan) -> Plan:
    """Splits no shard where scores come from Dolma's attributes, whose rows belong to records of whole files."""
    refs = [*plan.refs().values(), plan.evaluator_ref()]
    if any(ref is not None and ref.path.startswith("dolma:") for ref in refs):
        return msgspec.structs.replace(plan, corpus=msgspec.structs.replace(plan.corpus, split_bytes=None))
    return plan


def _check_schema(raw: Mapping[str, Any]) -> None:
    found = raw.get("schema", SCHEMA)
    if found != SCHEMA:
        raise UsageError(f"`schema: {found}` is not known to this version of tamis; it reads `schema: {SCHEMA}`")


def _check_keys(raw: Any, struct: Any, where: str) -> None:
    """Raises on an unknown key at any depth, naming the nearest one."""
    if not isinstance(raw, dict):
        return
    known = {field.name: field.type for field in msgspec.structs.fields(struct)}
    for key, value in raw.items():
        if key not in known:
            raise UsageError(f"`{where}{key}` is not a key of a plan{nearest(str(key), known)}")
        for nested in _structs(known[key]):
            values = value.items() if get_origin(known[key]) is dict and isinstance(value, dict) else [("", value)]
            for name, item in values:
                _check_keys(item, nested, f"{where}{key}.{name}." if name else f"{where}{key}.")


def _structs(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _structs(argument)]


def nearest(word: str, known: Mapping[str, Any] | set[str] | tuple[str, ...]) -> str:
    """Returns "; did you mean `x`?" for a near miss, else "; known: a, b"."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; known: {', '.join(sorted(known))}"


def _names(struct: Any) -> str:
    return ", ".join(field.name for field in msgspec.structs.fields(struct))


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _humanise(message: str) -> str:
    """Turns msgspec's "Expected `str`, got `int` - at `$.corpus.root`" into "`corpus.root`: expected …"."""
    body, _, path = message.partition(" - at ")
    key = path.strip("`").removeprefix("$.").replace("[...]", ".*")
    return f"`{key}`: {body[0].lower()}{body[1:]}" if key and key != "$" else f"the plan: {body[0].lower()}{body[1:]}"


def _check_meaning(plan: Plan) -> None:
    """Checks what types cannot say."""
    if not plan.classifiers:
        raise UsageError("`classifiers` is empty; name at least one, such as `policy: builtin:policy-en`")
    if "evaluator" in plan.classifiers:
        # Attributes and score files name the evaluator's scores so.
        raise UsageError("`classifiers.evaluator`: that is the name of the evaluator's scores; give it another name")
    if not plan.interventions:
        raise UsageError("`interventions` is empty; name at least one with a rule `{when: …, do: …}`")
    if plan.publish is not None and plan.publish not in plan.interventions:
        hint = nearest(plan.publish, plan.interventions)
        raise UsageError(f"`publish: {plan.publish}` names no intervention of this plan{hint}")
    if plan.corpus.split_bytes is not None and plan.corpus.split_bytes < 1:
        raise UsageError(
            f"`corpus.split_bytes: {plan.corpus.split_bytes}` is no size; write a number of bytes, or null to "
            "split nothing"
        )
    if plan.corpus.write is not None and plan.corpus.write not in TARGETS:
        raise UsageError(f"`corpus.write: {plan.corpus.write}` is not written{nearest(plan.corpus.write, TARGETS)}")
    _check_root("corpus.root", plan.corpus.root, written=False)
    _check_root("output", plan.output, written=True)
    for name, ref in plan.refs().items():
        _check_map(f"classifiers.{name}", ref)
    if (evaluator := plan.evaluator_ref()) is not None:
        _check_map("evaluator", evaluator, reads_text=True)
    for label, value in _shares(plan.gate).items():
        if value is not None and not 0 <= value <= 1:
            raise UsageError(f"`gate.{label}: {value}` is not a share; write a number from 0 to 1")
    for label, least in (("max_collateral", 1), ("max_drift_psi", 0), ("min_documents_ratio", 0), ("min_documents", 0)):
        value = getattr(plan.gate, label)
        if value is not None and not value >= least:
            raise UsageError(f"`gate.{label}: {value}` is out of range; write {least} or more")
    if not 50 <= plan.passages.target <= 4000:
        raise UsageError(f"`passages.target: {plan.passages.target}` is out of range; write 50 to 4000 characters")
    if not 0 <= plan.report.excerpts <= 20:
        raise UsageError(f"`report.excerpts: {plan.report.excerpts}` is out of range; write 0 to 20 passages")
    if plan.evaluate.sample < 0:
        raise UsageError(f"`evaluate.sample: {plan.evaluate.sample}` is negative; write a number of documents")
    if not 20_000 <= plan.evaluate.proxy_tokens <= 20_000_000:
        raise UsageError(
            f"`evaluate.proxy_tokens: {plan.evaluate.proxy_tokens}` is out of range; write 20000 to 20000000 tokens"
        )


def _check_root(key: str, root: str, written: bool) -> None:
    """Checks that a root is a folder or a URL of a known storage, without credentials in it."""
    try:
        location = locations.parse(root)
    except UsageError as error:
        raise UsageError(f"`{key}`: {error}") from None
    if written and location is not None and location.scheme in locations.READ_ONLY:
        raise UsageError(
            f"`{key}: {root}`: {location.scheme}:// is read only; write to a folder, s3://, gs:// or az://"
        )


def _check_map(key: str, ref: ClassifierRef, *, reads_text: bool = False) -> None:
    """Checks that attributes of Dolma have a map, that nothing else has one, and that the evaluator reads texts."""
    example = "`map: {hate: experiment__tagger__label}`"
    if not ref.path.startswith("dolma:"):
        if ref.map is not None or ref.absent is not None:
            raise UsageError(f"`{key}`: `map` and `absent` go with `path: dolma:ATTRIBUTES` only; remove them")
    elif reads_text:
        raise UsageError(f"`{key}: {ref.path}`: an evaluator reads texts, attributes stand for them: name a bundle")
    elif not ref.map or not all("__" in attribute for attribute in ref.map.values()):
        raise UsageError(f"`{key}: {ref.path}` needs the attribute of each category, as in {example}")
    elif ref.absent not in (None, 0):
        raise UsageError(f"`{key}.absent: {ref.absent}`: write 0, or leave it out: such documents are unscored then")
    elif ref.sha256 is not None:
        raise UsageError(f"`{key}.sha256` is that of a bundle; remove it")


def _shares(gate: Gate) -> dict[str, float | None]:
    names = ("max_drop_rate", "max_quarantine", "max_unscored", "max_prevalence_change", "max_drop_rate_change")
    return {name: getattr(gate, name) for name in names}
