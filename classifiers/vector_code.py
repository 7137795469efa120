"""Single instructions that numba has no name for, to look at many bytes of a text at once within a kernel.

Each takes an address, not an array: whoever calls one makes sure that the bytes are there. They compile to whatever
the processor has (AVX-512, AVX2, NEON), with the same results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = [
    "FIRST",
    "beyond_ascii",
    "copy_eight",
    "eight_bytes",
    "fasttext_spaces",
    "leads",
    "letters",
    "lowest_bit",
    "ones",
    "product_high",
    "sum_eights",
    "sum_sixteens",
    "sum_thirty_twos",
    "triples",
]


def _loaded(builder: Any, address: Any, kind: Any) -> Any:
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=1)


def _eight_bytes(context: Any, address: Any) -> Any:  # noqa: ARG001 - numba's signature, as below
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return _loaded(builder, arguments[0], ir.IntType(64))

    return types.uint64(types.int64), generate


def _mask(tell: Callable[[Any, Any, Callable[[int], Any]], Any]) -> Callable[[int], np.uint64]:
    """Makes an instruction that tells which of the 64 bytes at an address are of some sort, the first lowest.

    Args:
        tell: Given a builder, the bytes, and how to have a number 64 times, says which they are.
    """

    def typed(context: Any, address: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
            kind = ir.VectorType(ir.IntType(8), 64)
            found = tell(builder, _loaded(builder, arguments[0], kind), lambda value: ir.Constant(kind, [value] * 64))
            return builder.bitcast(found, ir.IntType(64))

        return types.uint64(types.int64), generate

    return cast("Callable[[int], np.uint64]", intrinsic(typed))


def _is_fasttext_space(builder: Any, text: Any, each: Callable[[int], Any]) -> Any:
    blank, null = (builder.icmp_unsigned("==", text, each(value)) for value in (32, 0))
    return builder.or_(builder.or_(blank, null), builder.icmp_unsigned("<", builder.sub(text, each(9)), each(5)))


def _is_letter(builder: Any, text: Any, each: Callable[[int], Any]) -> Any:
    return builder.icmp_unsigned("<", builder.sub(builder.or_(text, each(32)), each(97)), each(26))


def _is_beyond(last: int) -> Callable[[Any, Any, Callable[[int], Any]], Any]:
    return lambda builder, text, each: builder.icmp_unsigned(">", text, each(last))


def _ones(context: Any, bits: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


def _triples(context: Any, address: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        kind = ir.VectorType(ir.IntType(8), 64)
        places = (builder.add(arguments[0], ir.Constant(ir.IntType(64), i)) for i in range(3))
        first, second, third = (_loaded(builder, place, kind) for place in places)
        found = builder.and_(builder.icmp_unsigned("==", first, second), builder.icmp_unsigned("==", second, third))
        return builder.bitcast(found, ir.IntType(64))

    return types.uint64(types.int64), generate


def _copy_eight(context: Any, target: Any, source: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        kind = ir.IntType(64)
        builder.store(_loaded(builder, arguments[1], kind), builder.inttoptr(arguments[0], kind.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


def _sum_rows(width: int) -> Callable[[int, int, int, int], None]:
    """Makes an instruction that adds up rows of so many float32, a power of two."""

    def typed(context: Any, base: Any, rows: Any, count: Any, out: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
            base, rows, count, out = arguments
            kind, long = ir.VectorType(ir.FloatType(), width), ir.IntType(64)
            numbers = builder.inttoptr(rows, ir.IntType(32).as_pointer())
            total = cgutils.alloca_once(builder, kind)  # type: ignore[no-untyped-call]
            builder.store(ir.Constant(kind, [0.0] * width), total)
            with cgutils.for_range(builder, count) as loop:
                number = builder.zext(builder.load(builder.gep(numbers, [loop.index]), align=4), long)
                offset = builder.mul(number, long(4 * width))
                row = builder.inttoptr(builder.add(base, offset), kind.as_pointer())
                builder.store(builder.fadd(builder.load(total), builder.load(row, align=4)), total)
            builder.store(builder.load(total), builder.inttoptr(out, kind.as_pointer()), align=4)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64, types.int64), generate

    return cast("Callable[[int, int, int, int], None]", intrinsic(typed))


def _lowest_bit(context: Any, bits: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


def _product_high(context: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(value, wide) for value in arguments))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


#: The first n of eight bytes, n from 0 to 8.
FIRST: Final = np.array([2 ** (8 * n) - 1 for n in range(9)], np.uint64)
#: The eight bytes at an address as a number, the first one lowest.
eight_bytes = cast("Callable[[int], np.uint64]", intrinsic(_eight_bytes))
#: Which of the 64 bytes at an address fastText takes for white space (space, 9 to 13, 0): the first is the lowest bit.
fasttext_spaces = _mask(_is_fasttext_space)
#: Which of the 64 bytes at an address are ASCII letters.
letters = _mask(_is_letter)
#: Which of the 64 bytes at an address are part of a character beyond ASCII.
beyond_ascii = _mask(_is_beyond(0x7F))
#: How many bits are set.
ones = cast("Callable[[np.uint64], int]", intrinsic(_ones))
#: Which of the 64 bytes at an address start a character beyond ASCII.
leads = _mask(_is_beyond(0xBF))
#: Which of the 64 bytes at an address are followed by two more of the same.
triples = cast("Callable[[int], np.uint64]", intrinsic(_triples))
#: Copies eight bytes to one address from another.
copy_eight = cast("Callable[[int, int], None]", intrinsic(_copy_eight))
#: Add up rows of 8, 16 or 32 float32 in order: where the rows lie, the uint32 numbers of those to add, how many
#: these are, where the sum goes.
sum_eights = _sum_rows(8)
sum_sixteens = _sum_rows(16)
sum_thirty_twos = _sum_rows(32)
#: The number of the lowest bit that is set; 64 for 0.
lowest_bit = cast("Callable[[np.uint64], int]", intrinsic(_lowest_bit))
#: The upper 64 bits of the product of two numbers.
product_high = cast("Callable[[np.uint64, np.uint64], np.uint64]", intrinsic(_product_high))
