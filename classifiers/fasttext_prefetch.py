"""Asks for memory before it is needed. Scoring reads rows that lie anywhere, and waits for them otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

__all__ = ["prefetch"]


def _prefetch(context: Any, address: Any) -> Any:  # noqa: ARG001
    """Describes the instruction to numba: it takes an address and returns nothing."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        hint = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        read, keep, data = (ir.Constant(number, value) for value in (0, 3, 1))
        builder.call(hint, [builder.inttoptr(arguments[0], pointer), read, keep, data])
        return context.get_dummy_value()

    return types.void(address), generate


#: Asks for the cache line at an address, within a kernel. A hint: it never faults, and changes no result.
prefetch = cast("Callable[[np.int64], None]", intrinsic(_prefetch))
