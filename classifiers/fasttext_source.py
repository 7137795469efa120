"""A model file that is read front to back, and never past its end."""

from __future__ import annotations

import io
from typing import NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.errors import BundleError

__all__ = ["Source"]

S = TypeVar("S", bound=np.generic)


class Source:
    """The rest of a file. Nothing is allocated before it is known that the file holds that much."""

    def __init__(self, name: str, handle: io.BufferedReader, size: int) -> None:
        """Starts at the beginning.

        Args:
            name: What error messages call the file.
            handle: The file, open in binary mode.
            size: Its size in bytes.
        """
        self._name = name
        self._handle = handle
        self._size = size

    @property
    def left(self) -> int:
        """Bytes that have not been read."""
        return self._size - self._handle.tell()

    def array(self, dtype: type[S], count: int, what: str) -> NDArray[S]:
        """Reads `count` values; `what` they are is for the message.

        Raises:
            BundleError: The file does not hold that many.
        """
        size = count * np.dtype(dtype).itemsize
        self.check(0 <= size <= self.left, f"{self.left} bytes before the end", f"{size} bytes of {what}")
        values = np.empty(count, dtype)
        read = self._handle.readinto(values.view(np.uint8).data)
        self.check(read == size, f"{read} bytes before the end", f"{size} bytes of {what}")
        return values

    def numbers(self, layout: str, what: str) -> tuple[int, ...]:
        """Reads one number for each of the comma-separated dtypes of `layout`.

        Raises:
            BundleError: The file ends before.
        """
        dtype = np.dtype(layout)
        return tuple(self.array(np.uint8, dtype.itemsize, what).view(dtype)[0].item())

    def flag(self, what: str) -> bool:
        """Reads a byte that must be 0 or 1.

        Raises:
            BundleError: It is neither, or the file ends before.
        """
        value = int(self.array(np.uint8, 1, what)[0])
        self.check(value in (0, 1), f"{what} {value}", "0 or 1")
        return value == 1

    def peek(self, size: int) -> bytes:
        """Returns up to `size` of the next bytes, and stays where it is."""
        at = self._handle.tell()
        block = self._handle.read(min(size, self.left))
        self._handle.seek(at)
        return block

    def check(self, right: bool, found: str, expected: str) -> None:
        """Refuses the file unless it is right.

        Raises:
            BundleError: It is not; the message tells what was found and what was expected.
        """
        if not right:
            self.refuse(found, expected)

    def refuse(self, found: str, expected: str) -> NoReturn:
        """Refuses the file.

        Raises:
            BundleError: Always.
        """
        raise BundleError(
            f"{self._name}: damaged, or not a fastText classifier: found {found}, expected {expected}; "
            "fetch the file again, or write it again with fastText's save_model"
        )
