"""How the work is cut so that it stays within a memory limit. None of it shows in the output but `shard_count`."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import Problem, SchemaError

__all__ = ["BUCKETS", "Budget", "bucket_count", "parse_bytes", "shard_count", "units"]

BUCKETS = 1024
"""Hash ranges that rows are parted into, or the next multiple of the number of shards."""
SHARD_ROWS = 1 << 20
AT_ONCE = 4
"""Shards that even smaller tables are cut into, from a quarter of the rows on, so that processors share the work."""
CACHED_ROWS = 1 << 17
MAX_SHARDS = 1 << 16
ENCODING_BYTES = 700
"""Memory a row takes while it is encoded, measured with eight fields: its columns, sort keys, codes and ids."""

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def parse_bytes(text: str | int) -> int:
    """A number of bytes from `2GB`, `500 MiB` or an integer; raises `SchemaError` for anything else.

    Text names its unit: whoever types `--memory 3` means gigabytes, not bytes.
    """
    words = f"{text}B" if isinstance(text, int) else text
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:([kmgt]i?)b?|b)\s*", words.lower())
    if match is None or float(match[1]) <= 0:
        raise SchemaError([Problem("memory", f"expected a size such as '2GB', got {text!r}")], "options")
    return int(float(match[1]) * _UNITS[match[2] or ""])


def shard_count(rows: int) -> int:
    """How many shards `rows` rows are cut into: a power of two, with at most a million rows each, or up to four."""
    wanted = max(-(-rows // SHARD_ROWS), min(-(-rows // (SHARD_ROWS // AT_ONCE)), AT_ONCE), 1)
    return min(1 << (wanted - 1).bit_length(), BUCKETS)


def bucket_count(shards: int | None) -> int:
    """How many buckets rows are parted into, so that a shard is a whole number of them."""
    if shards is None:
        return BUCKETS
    if not 1 <= shards <= MAX_SHARDS:
        raise SchemaError([Problem("shards", f"expected 1 to {MAX_SHARDS:,}, got {shards}")], "options")
    return shards * -(-BUCKETS // shards)


@dataclass(frozen=True, slots=True)
class Budget:
    """A memory limit in bytes, shared by so many threads."""

    memory: int
    threads: int

    @property
    def held_bytes(self) -> int:
        """Rows that wait in memory, before they go to disk."""
        return int(self.memory * 0.3)

    @property
    def unit_rows(self) -> int:
        """Rows that one thread encodes at a time: few, so that they stay in the cache, which halves the time."""
        return min(max(int(self.memory * 0.4) // (ENCODING_BYTES * self.threads), 1), CACHED_ROWS)

    def loaded_rows(self, row_bytes: float) -> int:
        """Rows that are read back from disk at a time for one of the threads, of so many bytes each."""
        return max(int(self.memory * 0.15 / self.threads / max(row_bytes, 1e-9)), 1)


def units(rows: NDArray[np.int64], start: int, end: int, limit: int) -> list[tuple[int, int]]:
    """The buckets from `start` up to `end` in ranges of at most `limit` rows each, or of one bucket."""
    ranges: list[tuple[int, int]] = []
    at, held = start, 0
    for bucket in range(start, end):
        if held and held + int(rows[bucket]) > limit:
            ranges.append((at, bucket))
            at, held = bucket, 0
        held += int(rows[bucket])
    return [*ranges, (at, end)]
