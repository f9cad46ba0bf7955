"""What runs inside Spark's Python processes: functions for `mapInArrow`, from record batches to record batches."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from domaintoolkit.engines._composites import LowestEntities
from domaintoolkit.engines._input import ORIGIN
from domaintoolkit.engines._refused import raise_refused, to_json
from domaintoolkit.engines._shard import encode_part
from domaintoolkit.engines._state import FinishedShard
from domaintoolkit.schema import Schema, from_dict, to_dict
from domaintoolkit.streams._keys import hash_keys, shard_of, split_of
from domaintoolkit.streams._shards import write_shard
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = [
    "ROW",
    "SHARD",
    "Batches",
    "Shipped",
    "add_shards",
    "empty_part",
    "encode_shards",
    "fit_rows",
    "plain_types",
    "typed",
    "write_shards",
]

ROW, SHARD = "domaintoolkit row", "domaintoolkit shard"
"""Columns beside the schema's: Spark's number of each row, and its shard."""
PLACE_BITS = 33
"""Of Spark's row numbers, these low bits count within a partition and the others number the partition."""

Tabular = TypeVar("Tabular", pa.RecordBatch, pa.Table)
Batches = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class Shipped:
    """A fitted tokenizer on its way to other processes: the text of its files."""

    files: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, tokenizer: DomainTokenizer) -> Shipped:
        """Pack a tokenizer."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "tokenizer"
            tokenizer.save(folder)
            return cls(tuple((path.name, path.read_bytes()) for path in sorted(folder.iterdir())))

    def tokenizer(self) -> DomainTokenizer:
        """Unpack it, once a process."""
        return _unpacked(self.files)


@lru_cache(maxsize=2)
def _unpacked(files: tuple[tuple[str, bytes], ...]) -> DomainTokenizer:
    with tempfile.TemporaryDirectory() as name:
        for file, data in files:
            (Path(name) / file).write_bytes(data)
        return DomainTokenizer.load(name, threads=1)


def typed(batch: Tabular) -> Tabular:
    """Spark gives instants in its session's time zone; the zone is no part of the data."""
    fields = [
        field.with_type(pa.timestamp(field.type.unit, "UTC"))
        if pa.types.is_timestamp(field.type) and field.type.tz
        else field
        for field in batch.schema
    ]
    return batch.cast(pa.schema(fields))


def fit_rows(schema: Schema, training_only: bool) -> Batches:
    """Count the rows of a partition: gives (part, data) of the state's tables, and last ("", number of rows)."""
    declared = to_dict(schema)

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        schema = from_dict(Schema, declared)
        tokenizer = DomainTokenizer(schema, threads=1)
        state, rows = None, 0
        for batch in batches:
            table = pa.Table.from_batches([typed(batch)])
            rows += table.num_rows
            if training_only:
                splits = split_of(hash_keys(table.select(list(schema.entity))))
                table = table.filter(pa.array(splits == 0))
            counted = tokenizer.fit_state(table)
            if state is None:
                state = counted
            else:
                state.merge(counted)
        parts = {} if state is None else {name: _packed(table) for name, table in state.dump().items()}
        yield _pairs({**parts, "": rows.to_bytes(8, "little")})

    return count


def sample_rows(schema: Schema, limit: int, training_only: bool) -> Batches:
    """The rows of a partition's `limit` entities whose keys have the lowest hashes."""
    entity = schema.entity

    def sample(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        lowest = LowestEntities(entity, limit, training_only)
        for batch in batches:
            lowest.add(pa.Table.from_batches([batch]))
        table = lowest.table()
        if table is not None:
            yield from table.to_batches()

    return sample


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _pairs(parts: dict[str, bytes]) -> pa.RecordBatch:
    arrays = [pa.array(list(parts), pa.string()), pa.array(list(parts.values()), pa.binary())]
    return pa.RecordBatch.from_arrays(arrays, ["part", "data"])


def add_shards(entity: Iterable[str], shards: int) -> Batches:
    """Append the number of each row's shard."""
    keys = list(entity)

    def add(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            numbers = shard_of(hash_keys(typed(batch).select(keys)), shards)
            arrays = [*batch.columns, pa.array(numbers.astype(np.int32))]
            yield pa.RecordBatch.from_arrays(arrays, [*batch.schema.names, SHARD])

    return add


def encode_shards(shipped: Shipped, starts: dict[int, int], columns: pa.Schema) -> Batches:
    """Streams of each shard, in `columns`; raises for rows that cannot be encoded."""

    def encode(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        tokenizer = shipped.tokenizer()
        for number, table in _by_shard(batches, starts):
            part = encode_part(tokenizer, table, [""])
            raise_refused(part.refused, [""])
            numbered = part.table.add_column(0, "shard", pa.array(np.full(len(part.table), number, np.int32)))
            yield from numbered.cast(columns).combine_chunks().to_batches()

    return encode


def write_shards(shipped: Shipped, starts: dict[int, int], folder: str) -> Batches:
    """Write each shard into `folder`; gives their entries as JSON."""

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        tokenizer = shipped.tokenizer()
        for number, table in _by_shard(batches, starts):
            part = encode_part(tokenizer, table, [""])
            entry = write_shard(Path(folder), number, part.table)
            finished = FinishedShard(number, entry, asdict(part.counts), tuple(to_json(row) for row in part.refused))
            yield pa.RecordBatch.from_pydict({"shard": [json.dumps(asdict(finished))]})

    return write


def empty_part(shipped: Shipped) -> Batches:
    """A shard without rows, in the types that rows have here."""

    def give(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            table = pa.Table.from_batches([typed(batch).slice(0, 0)])
            table = table.append_column(ORIGIN, pa.array([], pa.int64()))
            yield _pairs({"": _packed(encode_part(shipped.tokenizer(), table, [""]).table)})
            return

    return give


def _by_shard(batches: Iterator[pa.RecordBatch], starts: dict[int, int]) -> Iterator[tuple[int, pa.Table]]:
    """The rows of each shard, which come one shard after another, and the number of each row among all."""
    waiting: list[pa.RecordBatch] = []
    current = -1
    for batch in batches:
        numbers = batch[SHARD].to_numpy()
        edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
        for low, high in pairwise(edges):
            if high == low:
                continue
            if waiting and numbers[low] != current:
                yield current, _joined(waiting, starts)
                waiting = []
            current = int(numbers[low])
            waiting.append(batch.slice(low, high - low))
    if waiting:
        yield current, _joined(waiting, starts)


def _joined(batches: list[pa.RecordBatch], starts: dict[int, int]) -> pa.Table:
    table = pa.Table.from_batches([typed(batch) for batch in batches]).drop_columns(SHARD)
    numbers = table[ROW].to_numpy()
    first = np.array([starts.get(partition, 0) for partition in (numbers >> PLACE_BITS).tolist()], np.int64)
    rows = first + (numbers & ((1 << PLACE_BITS) - 1))
    return table.drop_columns(ROW).append_column(ORIGIN, pa.array(rows, pa.int64()))


def plain_types(schema: pa.Schema) -> pa.Schema:
    """A shard's columns as Spark can hold them: signed integers of 32 bits in place of unsigned ones."""
    fields: list[Any] = [pa.field("shard", pa.int32())]
    for field in schema:
        unsigned = pa.types.is_list(field.type) and pa.types.is_unsigned_integer(field.type.value_type)
        fields.append(field.with_type(pa.list_(pa.int32())) if unsigned else field)
    return pa.schema(fields)
