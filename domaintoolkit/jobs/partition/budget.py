"""Sizes of the parts of a job, so that it stays within its memory. Only `shard_count` shows in the output."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from domaintoolkit.errors import Problem, SchemaError

__all__ = ["BUCKETS", "Budget", "bucket_count", "parse_bytes", "shard_count"]

BUCKETS = 1024
"""Hash ranges that rows are split into, or the next multiple of the number of shards."""
SHARD_ROWS = 1 << 20
AT_ONCE = 4
"""Shards of a smaller table, from a quarter of these rows on, so that the processors share the work."""
CACHED_ROWS = 1 << 17
MAX_SHARDS = 1 << 16
ENCODING_BYTES = 700
"""Memory that a row takes while it is encoded, measured with eight fields: columns, sort keys, codes and ids."""

HISTORY_BYTES = 200
"""Memory that a row takes while a history of many rows is encoded, measured with five fields."""

LEARNING_BYTES = 330_000_000
"""Memory of the process that learns composites, without rows and pairs: a third of it is the compiler."""
LEAST_PAIRS = 1 << 24
"""However small the limit is, so much is used for pairs, or nothing could be learned."""
SAMPLE_BYTES = 500
"""Memory that a row takes from which composites are learned: its columns, twice, or its ids, events and sets."""

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def parse_bytes(text: str | int) -> int:
    """A number of bytes from `2GB`, `500 MiB` or an integer; raises `SchemaError` for anything else.

    Text must name its unit: a user who types `--memory 3` means gigabytes, not bytes.
    """
    words = f"{text}B" if isinstance(text, int) else text
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:([kmgt]i?)b?|b)\s*", words.lower())
    if match is None or float(match[1]) <= 0:
        raise SchemaError([Problem("memory", f"expected a size such as '2GB', got {text!r}")], "options")
    return int(float(match[1]) * _UNITS[match[2] or ""])


def shard_count(rows: int) -> int:
    """The number of shards for `rows` rows: a power of two, for at most a million rows each, or up to four."""
    wanted = max(-(-rows // SHARD_ROWS), min(-(-rows // (SHARD_ROWS // AT_ONCE)), AT_ONCE), 1)
    # a power of two up to `BUCKETS` divides it
    return min(1 << (wanted - 1).bit_length(), BUCKETS)


def bucket_count(shards: int | None) -> int:
    """The number of buckets that rows are split into, so that a shard is a whole number of them."""
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

    @classmethod
    def of(cls, memory: str | int, threads: int | None) -> Budget:
        """The budget of `memory`, as `parse_bytes` takes it, and `threads` (default: one for each processor)."""
        return cls(parse_bytes(memory), threads or os.cpu_count() or 1)

    @property
    def held_bytes(self) -> int:
        """The size of the rows that wait in memory before they go to disk."""
        return int(self.memory * 0.3)

    @property
    def kept_bytes(self) -> int:
        """The size of the rows that fitting keeps for encoding, which holds each once more for a while."""
        return int(self.memory * 0.2)

    @property
    def pair_bytes(self) -> int:
        """The size of the pairs of tokens that composites are learned from. Merging them takes as much again."""
        return max((int(self.memory * 0.9) - LEARNING_BYTES) // 2, LEAST_PAIRS)

    @property
    def sample_rows(self) -> int:
        """Rows that composites are learned from at most. Their pairs take several times as much as the rows."""
        return self.pair_bytes // SAMPLE_BYTES

    @property
    def unit_rows(self) -> int:
        """Rows that one thread encodes at a time: few, so that they stay in the cache, which halves the time."""
        return min(max(int(self.memory * 0.4) // (ENCODING_BYTES * self.threads), 1), CACHED_ROWS)

    @property
    def history_rows(self) -> int:
        """Rows of one history, or of one bucket, that one thread encodes at a time."""
        return max(int(self.memory * 0.4) // (HISTORY_BYTES * self.threads), self.unit_rows)

    def loaded_rows(self, row_bytes: float) -> int:
        """Rows of `row_bytes` each that one of the threads reads back from disk at a time."""
        return max(int(self.memory * 0.15 / self.threads / max(row_bytes, 1e-9)), 1)
