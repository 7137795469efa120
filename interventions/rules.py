"""Interventions: every rule is asked, the strongest action decides, the first rule among equals."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.errors import UsageError
from tamis.interventions.actions import Options
from tamis.interventions.batch import Batch
from tamis.interventions.columns import Columns
from tamis.interventions.conditions import (
    Drawn,
    FieldTest,
    Leaf,
    Mask,
    ScoreTest,
    leaves,
    truth,
)
from tamis.interventions.flagged import flagged_passages
from tamis.interventions.margins import margins, moving_rules
from tamis.interventions.rewriting import marks, rewrite
from tamis.interventions.rule import Rule, read_rules
from tamis.interventions.scope import Lookup, Scope, nearest
from tamis.interventions.verdict import Action, Decisions

__all__ = ["Intervention", "Rule", "parse_interventions"]

Condition = tuple[str, str, float]
Found = Mapping[Leaf, Mask]


def parse_interventions(
    plan: Mapping[str, Sequence[Any]],
    classifiers: Mapping[str, tuple[str, ...]],
    lookup: Lookup | None = None,
    *,
    fields: tuple[str, ...] | None = None,
    salt: str = "tamis",
) -> dict[str, Intervention]:
    """Reads the interventions of a plan.

    Args:
        plan: Rules of each intervention, by name, as the plan has them.
        classifiers: Categories of each classifier, by the plan's name.
        lookup: Finds the threshold of an operating point, see `scope.Lookup`.
        fields: Fields that rules may read as `field.NAME`; None allows any.
        salt: Salt of the permanent random numbers.

    Raises:
        UsageError: A rule cannot be understood; the message says where it stands, and what was expected.
    """
    scope = Scope(classifiers, lookup, fields)
    found = {name: Intervention(name, read_rules(name, rules, scope), salt) for name, rules in plan.items()}
    for name, intervention in found.items():
        for match in intervention.matches:
            if match == name or match not in found or found[match].matches:
                others = [other for other in found if other != name and not found[other].matches]
                raise UsageError(f"interventions: {name}: `match: {match}` is not another one{nearest(match, others)}")
    return found


class Intervention:
    """A named, ordered set of rules.

    Attributes:
        name: Its name in the plan.
        rules: Its rules, in the plan's order.
        labels: Label of each rule.
        actions: Action of each rule, by its name in the plan.
        conditions: (classifier, category, threshold) of each comparison with a score, operating points looked up;
            the category of a comparison of `share.hate` is "share.hate", since its score is a share.
        fields: Names of the record fields that the rules read.
        matches: Interventions that `calibrated` needs the rate of: those that a `when: random` rule matches.
    """

    def __init__(self, name: str, rules: tuple[Rule, ...], salt: str = "tamis") -> None:
        self.name = name
        self.rules = rules
        self._salt = salt
        self.labels = tuple(rule.label for rule in rules)
        self.actions = tuple(rule.action for rule in rules)
        used = [leaf for rule in rules for node in (rule.condition, rule.otherwise) if node for leaf in leaves(node)]
        self._leaves = tuple(dict.fromkeys(used))
        compared = dict.fromkeys(leaf for rule in rules for leaf in leaves(rule.condition))
        self._tests = tuple(leaf for leaf in compared if isinstance(leaf, ScoreTest))
        self.conditions: tuple[Condition, ...] = tuple(test.condition for test in self._tests)
        self.fields = tuple(sorted({leaf.name for leaf in self._leaves if isinstance(leaf, FieldTest)}))
        self.matches = tuple(sorted({rule.match for rule in rules if rule.match is not None}))
        column = {test: number for number, test in enumerate(self._tests)}
        self._columns = [
            np.array([column[leaf] for leaf in dict.fromkeys(leaves(rule.condition)) if leaf in column], np.intp)
            for rule in rules
        ]
        self._moving = moving_rules(rules)
        self._codes = np.array([rule.kind.code for rule in rules], dtype=np.uint8)

    def calibrated(self, rates: Mapping[str, float]) -> Intervention:
        """Returns the intervention with the rates of its `when: random` rules set.

        Args:
            rates: For each of `matches`, the share of the corpus's words that it removes. Each document is dropped
                with that probability, by its permanent random number, so the expected share of words is the same.
                The rate is one constant for the whole corpus: a rate by shard would follow the shards' content,
                and the control would no longer be neutral.
        """
        rules = tuple(
            rule if rule.match is None else dataclasses.replace(rule, condition=Drawn(rates[rule.match]))
            for rule in self.rules
        )
        return Intervention(self.name, rules, self._salt)

    def decide(self, batch: Batch) -> Decisions:
        """Decides on a batch of documents.

        Raises:
            ShardError: A rule reads a field that the documents were read without.
            ValueError: A `when: random` rule was not calibrated.
        """
        columns, found = self._found(batch)
        fired = np.column_stack([truth(rule.condition, found) for rule in self.rules])
        action, rule = self._strongest(fired)
        met, condition, score = self._reasons(columns, found, fired, action, rule)
        passages = self._passages(batch, found, fired)
        removed = self._removed(batch, rule, passages)
        rewritten = self._rewritten(batch, found, passages, removed)
        margin = margins(self._moving, columns, found) if self._moving else None
        return Decisions(action, rule, condition, score, fired, removed, rewritten, met, passages, margin)

    def _strongest(self, fired: Mask) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
        """Returns action and rule that decide: the strongest, the first among equals."""
        action = np.zeros(len(fired), dtype=np.uint8)
        rule = np.full(len(fired), -1, dtype=np.int16)
        for number in sorted(range(len(self.rules)), key=lambda r: (self._codes[r], -r)):
            action[fired[:, number]] = self._codes[number]
            rule[fired[:, number]] = number
        return action, rule

    def _reasons(
        self, columns: Columns, found: Found, fired: Mask, action: NDArray[np.uint8], rule: NDArray[np.int16]
    ) -> tuple[Mask, NDArray[np.int16], NDArray[np.float32]]:
        """Returns which comparisons held, and of those of the deciding rule the one with the largest margin."""
        met = np.zeros((len(fired), len(self._tests)), dtype=np.bool_)
        condition = np.full(len(fired), -1, dtype=np.int16)
        score = np.full(len(fired), np.nan, dtype=np.float32)
        for number, chosen in enumerate(self._columns):
            rows = np.flatnonzero(fired[:, number] & (action == self._codes[number]))
            if not rows.size or not chosen.size:
                continue
            held = np.column_stack([found[self._tests[t]][rows] for t in chosen])
            met[np.ix_(rows, chosen)] |= held
            values = np.column_stack([self._tests[t].values(columns)[rows] for t in chosen])
            margins = np.column_stack([self._tests[t].margins(values[:, k]) for k, t in enumerate(chosen)])
            margins[~held] = -np.inf
            best = margins.argmax(axis=1)
            decided = held.any(axis=1) & (rule[rows] == number)
            condition[rows[decided]] = chosen[best[decided]]
            score[rows[decided]] = values[decided, best[decided]]
        return met, condition, score

    def _passages(self, batch: Batch, found: Found, fired: Mask) -> NDArray[np.uint8]:
        """Returns the code of the strongest action on each passage, for the actions that work on passages."""
        codes = np.zeros(len(batch.passages), dtype=np.uint8)
        for number, rule in enumerate(self.rules):
            if (rule.kind.on_passages or rule.options.get("per") == "passage") and fired[:, number].any():
                tests = [self._tests[t] for t in self._columns[number]]
                flagged = flagged_passages(batch, {test: fired[:, number] & found[test] for test in tests})
                codes[flagged] = np.maximum(codes[flagged], self._codes[number])
        return codes

    def _removed(self, batch: Batch, rule: NDArray[np.int16], passages: NDArray[np.uint8]) -> Mask:
        removed = np.zeros(len(batch), dtype=np.bool_)
        for number, one in enumerate(self.rules):
            rows = np.flatnonzero(rule == number)
            removed[rows] = one.kind.removed(one.options, batch.keys[rows], self._salt)
        if self._replacement == "" and passages.any():
            bounds = batch.passages.document
            gone = np.concatenate([[0], np.cumsum(passages == Action.REDACT)])
            count = np.diff(bounds)
            removed |= (count > 0) & (gone[bounds[1:]] - gone[bounds[:-1]] == count)
        return removed

    def _rewritten(self, batch: Batch, found: Found, passages: NDArray[np.uint8], removed: Mask) -> Mask:
        rewritten = np.zeros(len(batch), dtype=np.bool_)
        if passages.any():
            hits = np.flatnonzero(passages == Action.REDACT)
            rewritten[np.searchsorted(batch.passages.document, hits, side="right") - 1] = True
        if self._tokens is not None:
            good, bad = self._good_bad(found)
            rewritten |= good | bad
        return rewritten & ~removed

    def _good_bad(self, found: Found) -> tuple[Mask, Mask]:
        """Says for which documents every `control_token` rule is known not to fire, and for which one fires."""
        rules = [rule for rule in self.rules if rule.action == "control_token"]
        bad = np.logical_or.reduce([truth(rule.condition, found) for rule in rules])
        good = np.logical_and.reduce([truth(rule.otherwise, found) for rule in rules if rule.otherwise is not None])
        return good & ~bad, bad

    @property
    def _tokens(self) -> Options | None:
        return next((rule.options for rule in self.rules if rule.action == "control_token"), None)

    @property
    def _replacement(self) -> str | None:
        return next((rule.options["replace"] for rule in self.rules if rule.action == "redact"), None)

    def quarantined(self, decisions: Decisions) -> Iterator[tuple[int, str]]:
        """Yields (index, label of the rule) of each document that is quarantined."""
        for i in np.flatnonzero(decisions.action == Action.QUARANTINE).tolist():
            yield i, self.labels[int(decisions.rule[i])]

    def rewrites(self, batch: Batch, decisions: Decisions) -> Iterator[tuple[int, str]]:
        """Yields (index, new text) of each document that reaches the output with another text.

        Args:
            batch: The documents.
            decisions: What this intervention decided on them.
        """
        tokens, replace = self._tokens, self._replacement or ""
        known = bad = np.zeros(len(batch), dtype=np.bool_)
        if tokens is not None:
            good, bad = self._good_bad(self._found(batch)[1])
            known = good | bad
        for i in np.flatnonzero(decisions.rewritten).tolist():
            mark = bool(bad[i]) if known[i] else None
            yield i, rewrite(batch.texts[i], marks(batch, decisions, i), replace, tokens, mark)

    def _found(self, batch: Batch) -> tuple[Columns, Found]:
        columns = Columns(batch, f"{self._salt}/random/{self.name}")
        return columns, {leaf: leaf.holds(columns) for leaf in self._leaves}
