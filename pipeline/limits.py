"""Limits on what a shard may ask of the machine that reads it. Beyond them is an error or a quarantined record."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a reader.

    Attributes:
        ratio: Bytes decoded per byte stored, over the shard so far. More is taken for a decompression bomb.
        ratio_floor: Bytes that are decoded before `ratio` is looked at.
        window: Bytes that a zstd frame may ask to be kept for back references.
        line: Bytes of a line or record, its end included. A longer one is skipped and quarantined. A record of CSV,
            whose parser takes several times as much, may have half of it.
        text: Bytes that a text takes in memory: one a character, but two or four where a single one of its characters
            is beyond U+00FF or U+FFFF. A record with a larger one is quarantined before it is decoded.
        nesting: Arrays and objects inside one another in a JSON record.
    """

    ratio: int = 1000
    ratio_floor: int = 64 << 20
    window: int = 128 << 20
    line: int = 32 << 20
    text: int = 64 << 20
    nesting: int = 512
