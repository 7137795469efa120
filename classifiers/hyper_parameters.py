"""Reads the hyper-parameters of a kind from a configuration: a closed list of names, each of its type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import msgspec

from tamis.classifiers.errors import UsageError

__all__ = ["check_categories", "read_parameters"]

T = TypeVar("T")


def read_parameters(values: Mapping[str, Any], wanted: type[T], kind: str) -> T:
    """Takes parameters by name; what is not given has its default.

    Args:
        values: The configuration's `parameters`.
        wanted: A dataclass, its fields the names that are known.
        kind: The kind that they are of, for messages.

    Raises:
        UsageError: A name is unknown or a value of the wrong type.
    """
    known = [field.name for field in fields(wanted)]  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(known)):
        raise UsageError(f"parameters: {unknown[0]!r} is none of {', '.join(known)}; correct the configuration")
    try:
        return msgspec.convert(dict(values), wanted)
    except msgspec.ValidationError as error:
        raise UsageError(f"parameters of the {kind} kind: {error}; correct the configuration") from error


def check_categories(name: str, named: Iterable[str], categories: Sequence[str]) -> None:
    """Refuses a parameter that names a category which is not trained.

    Raises:
        UsageError: It does.
    """
    if unknown := [category for category in named if category not in categories]:
        raise UsageError(f"parameters: {name} names {unknown[0]!r}; the configuration trains {', '.join(categories)}")
