"""The table of actions: what `do: NAME` does to a document on which a rule fired.

An action is one entry of `ACTIONS`: its strength, its options in the plan, and which of its documents it removes.
Actions that rewrite mark passages in `Decisions.passages`; the new text is made by `rewriting`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.errors import UsageError
from tamis.interventions.sampling import Keys, uniforms
from tamis.interventions.scope import nearest
from tamis.interventions.verdict import Action

__all__ = ["ACTIONS", "REMOVING", "ActionKind", "Option", "Options", "read_options"]

Options = Mapping[str, Any]
Removal = Callable[[Options, Keys, str], NDArray[np.bool_]]

_REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class Option:
    """An option of an action.

    Attributes:
        expected: What it takes, in words.
        accepts: Whether a value of the plan will do.
        default: The value where the plan has none; without one the option must be given.
    """

    expected: str
    accepts: Callable[[Any], bool]
    default: Any = _REQUIRED


def _keeps(_: Options, keys: Keys, __: str) -> NDArray[np.bool_]:
    return np.zeros(len(keys), dtype=np.bool_)


def _removes(_: Options, keys: Keys, __: str) -> NDArray[np.bool_]:
    return np.ones(len(keys), dtype=np.bool_)


def _thins(options: Options, keys: Keys, salt: str) -> NDArray[np.bool_]:
    """Keeps a document with probability `keep`; who is kept at 0.1 is kept at 0.5 too."""
    return np.asarray(uniforms(keys, f"{salt}/downsample") >= options["keep"])


@dataclass(frozen=True, slots=True)
class ActionKind:
    """What an action does.

    Attributes:
        code: Its code and strength.
        removed: removed(options, keys, salt) -> which of the documents that it decided do not reach the output.
        options: Its options in the plan, by key.
        on_passages: Whether it needs to know which passages satisfy the condition.
    """

    code: Action
    removed: Removal = _keeps
    options: Mapping[str, Option] = field(default_factory=dict)
    on_passages: bool = False


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_probability(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


ACTIONS: Final[Mapping[str, ActionKind]] = {
    "tag": ActionKind(Action.TAG),
    "control_token": ActionKind(
        Action.CONTROL_TOKEN,
        options={
            "bad": Option("a text", _is_text, "<|bad|>"),
            "good": Option("a text", _is_text, "<|good|>"),
            "per": Option("`document` or `passage`", ("document", "passage").__contains__, "document"),
        },
    ),
    "downsample": ActionKind(
        Action.DOWNSAMPLE, _thins, {"keep": Option("the share to keep, from 0 to 1", _is_probability)}
    ),
    "redact": ActionKind(Action.REDACT, options={"replace": Option("a text", _is_text, "")}, on_passages=True),
    "drop": ActionKind(Action.DROP, _removes),
    # As `drop`; the document is named by its hash in quarantine/, and its text is shown and copied nowhere.
    "quarantine": ActionKind(Action.QUARANTINE, _removes),
}

#: Actions of an intervention that is measured by what it removes; another one is measured by what it acts on.
#: `quarantine` is none of them: every intervention has a rule with it unless the plan says otherwise, so that one that
#: tags would be measured by the few documents in quarantine alone. Beside tags they count as acted on.
REMOVING: Final = frozenset(("drop", "downsample"))


def read_options(name: str, given: Options) -> Options:
    """Checks the options of an action and fills in the defaults.

    Args:
        name: A key of `ACTIONS`.
        given: Options as the plan has them.

    Raises:
        UsageError: An option is unknown, missing, or not what the action takes.
    """
    known = ACTIONS[name].options
    for key in given:
        if key not in known:
            raise UsageError(f"`{key}` is not an option of `do: {name}`{nearest(key, known)}")
    values = {key: given.get(key, option.default) for key, option in known.items()}
    for key, value in values.items():
        if value is _REQUIRED:
            raise UsageError(f"`do: {name}` needs `{key}`: {known[key].expected}")
        if not known[key].accepts(value):
            raise UsageError(f"`{key}: {value!r}`: expected {known[key].expected}")
    return values
