"""YAML of a closed schema: keys that stand twice or that nobody knows, and values of a wrong type, said plainly."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, get_args, get_origin

import msgspec
import yaml

from tamis.classifiers.errors import UsageError
from tamis.pipeline.wording import nearest

__all__ = ["check_keys", "humanised", "mapping"]


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


def mapping(text: str, struct: Any) -> dict[str, Any]:
    """Parses YAML text that must be a mapping.

    Args:
        text: YAML.
        struct: The type whose fields are its keys, for the message.

    Raises:
        UsageError: It is not YAML, a key stands twice, a value cannot be read, or it is no mapping.
    """
    try:
        raw = _loaded(text)
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
        raise UsageError(f"expected a mapping with the keys {_names(struct)}, found {_kind(raw)}")
    return raw


def _loaded(text: str) -> Any:
    loader = _StrictLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def check_keys(raw: Any, struct: Any, where: str = "") -> None:
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
                check_keys(item, nested, f"{where}{key}.{name}." if name else f"{where}{key}.")


def _structs(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _structs(argument)]


def _names(struct: Any) -> str:
    return ", ".join(field.name for field in msgspec.structs.fields(struct))


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def humanised(message: str) -> str:
    """Turns msgspec's "Expected `str`, got `int` - at `$.corpus.root`" into "`corpus.root`: expected …"."""
    body, _, path = message.partition(" - at ")
    key = path.strip("`").removeprefix("$.").replace("[...]", ".*")
    return f"`{key}`: {body[0].lower()}{body[1:]}" if key and key != "$" else f"the plan: {body[0].lower()}{body[1:]}"
