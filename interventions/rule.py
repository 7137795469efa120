"""A rule of an intervention: a condition, and an action for the documents that satisfy it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tamis.classifiers.errors import UsageError
from tamis.interventions.actions import ACTIONS, ActionKind, Options, read_options
from tamis.interventions.conditions import Drawn, Node, ScoreTest, leaves
from tamis.interventions.grammar import parse
from tamis.interventions.scope import Scope, nearest

__all__ = ["Rule", "read_rule", "read_rules"]

_KEYS: Final = ("when", "do", "name", "match")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        label: Its name in reports: `name` of the plan, else its action and condition as written.
        condition: When it fires.
        action: What it does, by the name in `actions.ACTIONS`.
        options: Options of the action, all of them.
        otherwise: When it is known *not* to fire, for control tokens; None for other actions.
        match: The intervention whose removed words `when: random` equals.
    """

    label: str
    condition: Node
    action: str
    options: Options
    otherwise: Node | None = None
    match: str | None = None

    @property
    def kind(self) -> ActionKind:
        """What the action does."""
        return ACTIONS[self.action]


def read_rules(name: str, rules: Iterable[Any], scope: Scope) -> tuple[Rule, ...]:
    """Reads the rules of an intervention.

    Args:
        name: Name of the intervention.
        rules: Its rules as the plan has them: mappings with `when`, `do` and options.
        scope: What names in conditions mean.

    Raises:
        UsageError: A rule cannot be understood; the message says which, and what was expected.
    """
    found: list[Rule] = []
    for number, rule in enumerate(rules, 1):
        try:
            found.append(_unique(read_rule(rule, scope), found))
        except UsageError as error:
            raise UsageError(f"interventions: {name}: rule {number}: {error}") from None
    if not found:
        raise UsageError(f"interventions: {name}: no rule; write at least one {{when: …, do: …}}")
    _check_tokens(name, found)
    return tuple(found)


def read_rule(given: Any, scope: Scope) -> Rule:
    """Reads one rule, see `read_rules`."""
    if not isinstance(given, Mapping):
        raise UsageError(f"expected {{when: …, do: …}}, found a {type(given).__name__}")
    when, do = _text(given, "when"), _text(given, "do")
    if do not in ACTIONS:
        raise UsageError(f"`do: {do}` is not an action{nearest(do, ACTIONS)}")
    options = {str(key): value for key, value in given.items() if key not in _KEYS}
    _check_keys(options, do)
    name = given.get("name", f"{do}: {when}")
    if not isinstance(name, str):
        raise UsageError(f"`name: {name!r}`: expected a text")
    condition = parse(when, scope)
    otherwise = parse(when, scope, negate=True) if do == "control_token" and not isinstance(condition, Drawn) else None
    rule = Rule(name, condition, do, read_options(do, options), otherwise, given.get("match"))
    _check(rule)
    return rule


def _text(given: Mapping[Any, Any], key: str) -> str:
    if key not in given:
        near = nearest(key, [str(other) for other in given if other not in _KEYS])
        raise UsageError(f"`{key}` is missing{near if near.startswith('; did') else ''}")
    if not isinstance(given[key], str):
        raise UsageError(f"`{key}: {given[key]!r}`: expected a text")
    return str(given[key])


def _check_keys(options: Options, do: str) -> None:
    for key in options:
        if key not in ACTIONS[do].options:
            raise UsageError(
                f"`{key}` is not a key of a rule with `do: {do}`{nearest(key, (*_KEYS, *ACTIONS[do].options))}"
            )


def _check(rule: Rule) -> None:
    """Raises where condition and action do not go together."""
    drawn = isinstance(rule.condition, Drawn)
    if drawn and (rule.action != "drop" or not isinstance(rule.match, str)):
        raise UsageError("`when: random` needs `do: drop` and `match: INTERVENTION`, the one whose words it equals")
    if rule.match is not None and not drawn:
        raise UsageError('`match` goes with `when: "random"` only')
    if rule.kind.on_passages and not any(isinstance(leaf, ScoreTest) and leaf.flags for leaf in leaves(rule.condition)):
        raise UsageError(f"`do: {rule.action}` needs a score in `when`, such as `hate >= 0.8`, to know which passages")


def _check_tokens(name: str, rules: list[Rule]) -> None:
    spellings = {tuple(sorted(rule.options.items())) for rule in rules if rule.action == "control_token"}
    if len(spellings) > 1:
        raise UsageError(
            f"interventions: {name}: its `control_token` rules differ in `bad`, `good` or `per`; use one set"
        )


def _unique(rule: Rule, earlier: list[Rule]) -> Rule:
    if any(rule.label == other.label for other in earlier):
        raise UsageError(f"the rule {rule.label!r} stands twice; remove one, or give it another `name`")
    return rule
