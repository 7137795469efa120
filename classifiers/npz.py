"""Arrays in an .npz file: plain numbers only, of the shapes that the caller expects, the same bytes each time."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.errors import BundleError

__all__ = ["read_arrays", "write_arrays"]

#: Bytes that the .npy header of an array takes at most.
HEADER: Final = 4096

_DATE: Final = (1980, 1, 1, 0, 0, 0)
#: What reading a damaged archive raises, beside ValueError.
_DAMAGE: Final = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError, RuntimeError)

Shape = tuple[int, ...]


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes arrays, compressed; equal arrays give equal bytes.

    Args:
        path: File to write.
        arrays: Arrays of numbers, by name.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(arrays):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", _DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, buffer.getvalue())


def read_arrays(path: Path, expected: Mapping[str, tuple[np.dtype[Any], Shape]]) -> dict[str, NDArray[Any]]:
    """Reads arrays; nothing is unpacked that is larger than what is expected.

    Args:
        path: The file.
        expected: Type and shape of each array.

    Returns:
        The arrays, by name.

    Raises:
        BundleError: The file is damaged, or holds other arrays.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(archive.namelist())
            if names != sorted(f"{name}.npy" for name in expected):
                raise BundleError(
                    f"{path}: holds {', '.join(names)}; expected the arrays {', '.join(sorted(expected))}"
                )
            return {name: _read(archive, path, name, *expected[name]) for name in expected}
    except (*_DAMAGE, ValueError) as error:
        raise BundleError(f"{path}: no readable .npz file ({type(error).__name__}); restore the bundle") from None


def _read(archive: zipfile.ZipFile, path: Path, name: str, dtype: np.dtype[Any], shape: Shape) -> NDArray[Any]:
    size = archive.getinfo(f"{name}.npy").file_size
    if size > int(np.prod(shape)) * dtype.itemsize + HEADER:
        raise BundleError(f"{path}: `{name}` takes {size} bytes, more than {dtype} {list(shape)} does")
    with archive.open(f"{name}.npy") as member:
        try:
            found, by_column, kind = _header(member)
        except (ValueError, SyntaxError, TypeError, OverflowError):  # a header that is none
            raise BundleError(f"{path}: `{name}` is no array of numbers; restore the bundle") from None
        if kind != dtype or found != shape:
            raise BundleError(f"{path}: `{name}` is {kind} {list(found)}; expected {dtype} {list(shape)}")
        data = member.read()
    if len(data) != int(np.prod(shape)) * dtype.itemsize:
        raise BundleError(f"{path}: `{name}` has {len(data)} bytes of numbers; restore the bundle")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if by_column else "C").copy()


def _header(member: IO[bytes]) -> tuple[Shape, bool, np.dtype[Any]]:
    """Reads what an array says that it is, before anything of that size is made."""
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(member)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(member)
    raise ValueError(version)
