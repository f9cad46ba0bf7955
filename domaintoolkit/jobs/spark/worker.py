"""Functions that Spark's Python processes run to fit and encode: from record batches to record batches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.errors import Refusal
from domaintoolkit.jobs.composites import LowestEntities
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.jobs.partition.origin import add_origins, drop_origins, unpack_origins
from domaintoolkit.jobs.partition.row_refusals import describe_refusals, from_json, raise_refusals, to_json
from domaintoolkit.jobs.partition.shard_writer import PartEncoder
from domaintoolkit.jobs.spark.conversion import REFUSED, ROW, Batches, with_utc
from domaintoolkit.reading.refused_rows import COLUMNS, KEPT, RefusedRow, entry
from domaintoolkit.schema import Schema, from_dict, to_dict
from domaintoolkit.storage.resume_state import FINISHED, FinishedShard
from domaintoolkit.storage.shards import LEFT_OUT, write_shard
from domaintoolkit.streams.keys import shard_of
from domaintoolkit.streams.streams import Counts
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.artifacts import read_json, write_json
from domaintoolkit.util.ragged import run_offsets
from domaintoolkit.util.temporary import temporary_folder

__all__ = [
    "ENTRY",
    "SHARD",
    "Places",
    "Shipped",
    "add_shards",
    "empty_part",
    "encode_shards",
    "finished_shard",
    "fit_rows",
    "plain_types",
    "refused_entries",
    "sample_rows",
    "write_shards",
]

SHARD = "domaintoolkit shard"
"""A column in addition to the schema's: the number of each row's shard."""
PLACE_BITS = 33
"""Spark's own row numbers count within a partition in these low bits; the other bits number the partition."""
ENTRY = pa.schema([(name, pa.int64() if name in ("row", "line") else pa.string()) for name in COLUMNS])
"""The columns of refused rows."""
FORMAT, VERSION = "domaintoolkit finished shard", 1


@dataclass(frozen=True)
class Places:
    """The places that rows come from: names of sources, and for Spark's own numbers the first row of each partition."""

    names: tuple[str, ...]
    starts: Mapping[int, int] | None = None

    def of(self, numbers: Any) -> Any:
        """The origin of each row, from the column `ROW`."""
        if self.starts is None:
            return numbers
        first = np.array([self.starts.get(partition, 0) for partition in (numbers >> PLACE_BITS).tolist()], np.int64)
        return first + (numbers & ((1 << PLACE_BITS) - 1))

    def split(self, table: pa.Table) -> tuple[pa.Table, list[RefusedRow]]:
        """The rows that reading passed on, with their origins, and those that it refused."""
        places = self.of(table[ROW].to_numpy())
        texts = table[REFUSED]
        rows = add_origins(table.drop_columns([ROW, REFUSED]), places)
        if texts.null_count == len(texts):
            return rows, []
        bad = np.flatnonzero(texts.is_valid().to_numpy())
        found = [from_json(json.loads(text)) for text in texts.take(pa.array(bad)).to_pylist()]
        named = [
            RefusedRow(source or "", row, refused.line, refused.problems, refused.raw)
            for refused, (source, row) in zip(found, unpack_origins(places[bad]).with_names(self.names), strict=True)
        ]
        return rows.filter(pc.is_null(texts)), named


@dataclass(frozen=True)
class Shipped:
    """A fitted tokenizer on its way to other processes: the text of its files."""

    files: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, tokenizer: DomainTokenizer) -> Shipped:
        """Pack a tokenizer."""
        with temporary_folder() as place:
            folder = place / "tokenizer"
            tokenizer.save(folder, counts=False)
            return cls(tuple((path.name, path.read_bytes()) for path in sorted(folder.iterdir())))

    def tokenizer(self) -> DomainTokenizer:
        """Unpack it, once a process."""
        return _unpack(self.files)


@lru_cache(maxsize=2)
def _unpack(files: tuple[tuple[str, bytes], ...]) -> DomainTokenizer:
    with temporary_folder() as folder:
        for file, data in files:
            (folder / file).write_bytes(data)
        return DomainTokenizer.load(folder, threads=1)


def fit_rows(schema: Schema, training_only: bool, quarantine: bool, places: Places) -> Batches:
    """A function that counts the rows of a partition: (part, data) of the state's tables, and last ("", other counts).

    The first `KEPT` refused rows of a partition are listed, unless they are to be passed over.
    """
    declared = to_dict(schema)

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        tokenizer = DomainTokenizer(from_dict(Schema, declared), threads=1)
        state, rows_in, rows_refused = None, 0, 0
        listed: list[dict[str, Any]] = []
        for batch in batches:
            table, refused = places.split(pa.Table.from_batches([with_utc(batch)]))
            rows_in += batch.num_rows
            every = table
            if training_only:
                is_training = pa.array(EntityKeys(schema.entity).is_training(table, schema))
                table = table.filter(is_training)
            problems: list[Refusal] = []
            counted = tokenizer.fit_state(drop_origins(table), "quarantine", refused=problems)
            if training_only:
                counted.note_others(every, pc.invert(is_training))
            refused += describe_refusals(table, problems, places.names)
            rows_refused += len(refused)
            # a partition lists at most `KEPT`, since all lists meet in the driver's memory
            listed += [to_json(row) for row in refused[: 0 if quarantine else KEPT - len(listed)]]
            if state is None:
                state = counted
            else:
                state.merge(counted)
        parts = {} if state is None else {name: _to_bytes(table) for name, table in state.dump().items()}
        summary = {"rows_in": rows_in, "rows_refused": rows_refused, "refused": listed}
        yield _pairs({**parts, "": json.dumps(summary).encode()})

    return count


def sample_rows(schema: Schema, limit: int, training_only: bool) -> Batches:
    """A function that gives the rows of the `limit` entities of a partition whose keys have the lowest hashes."""
    keys = EntityKeys(schema.entity)

    def sample(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        lowest = LowestEntities(keys, limit, schema if training_only else None)
        for batch in batches:
            table = pa.Table.from_batches([batch])
            lowest.add(table.filter(pc.is_null(table[REFUSED])))
        table = lowest.table()
        if table is not None:
            yield from table.to_batches()

    return sample


def _to_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _pairs(parts: dict[str, bytes]) -> pa.RecordBatch:
    arrays = [pa.array(list(parts), pa.string()), pa.array(list(parts.values()), pa.binary())]
    return pa.RecordBatch.from_arrays(arrays, ["part", "data"])


def add_shards(keys: EntityKeys, shards: int) -> Batches:
    """A function that appends the number of each row's shard; rows that reading refused go to the first."""

    def add(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            hashes = keys.hash(pa.Table.from_batches([with_utc(batch)]))
            # a row that reading refused need not have a key
            numbers = np.where(batch[REFUSED].is_valid(), 0, shard_of(hashes, shards))
            arrays = [*batch.columns, pa.array(numbers.astype(np.int32))]
            yield pa.RecordBatch.from_arrays(arrays, [*batch.schema.names, SHARD])

    return add


def encode_shards(shipped: Shipped, places: Places, columns: pa.Schema, quarantine: bool) -> Batches:
    """A function that encodes each shard, in `columns`; bad rows are raised, or with `quarantine` left out."""

    def encode(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        encoder = PartEncoder(shipped.tokenizer(), places.names, left_out=False)
        for number, table in _by_shard(batches):
            rows, refused = places.split(table)
            part = encoder.encode(rows)
            if not quarantine:
                raise_refusals([*refused, *part.refused], places.names)
            numbered = part.table.add_column(0, "shard", pa.array(np.full(len(part.table), number, np.int32)))
            yield from numbered.cast(columns).combine_chunks().to_batches()

    return encode


def refused_entries(shipped: Shipped, places: Places) -> Batches:
    """A function that gives the rows that cannot be encoded, as in a quarantine file."""

    def entries(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        encoder = PartEncoder(shipped.tokenizer(), places.names, left_out=False)
        for _, table in _by_shard(batches):
            rows, refused = places.split(table)
            refused += encoder.encode(rows).refused
            listed = [entry(row) for row in refused]
            yield pa.RecordBatch.from_pylist(listed, ENTRY)

    return entries


def write_shards(shipped: Shipped, places: Places, folder: str) -> Batches:
    """A function that writes each shard and its finished entry into `folder`; gives the numbers of the shards.

    A task that Spark repeats does not repeat the shards that it had finished.
    """

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        encoder, out = PartEncoder(shipped.tokenizer(), places.names), Path(folder)
        for number, table in _by_shard(batches):
            if not _finished_path(out, number).exists():
                rows, refused = places.split(table)
                part = encoder.encode(rows)
                shard = write_shard(out, number, part.table)
                left_out = None if part.left_out is None else write_shard(out, number, part.left_out, within=LEFT_OUT)
                counts = part.counts + Counts(rows_in=len(refused), rows_refused=len(refused))
                listed = tuple(to_json(row) for row in [*refused, *part.refused])
                finished = FinishedShard(number, shard, asdict(counts), listed, left_out)
                write_json(_finished_path(out, number), FORMAT, VERSION, asdict(finished))
            yield pa.RecordBatch.from_pydict({"shard": pa.array([number], pa.int32())})

    return write


def finished_shard(folder: Path, number: int) -> FinishedShard | None:
    """A shard that a worker finished, else None. Raises `ArtifactError` if its entry was altered."""
    path = _finished_path(folder, number)
    return FinishedShard.of(read_json(path, FORMAT, VERSION)) if path.exists() else None


def _finished_path(folder: Path, number: int) -> Path:
    return folder / FINISHED / f"{number:05d}.json"


def empty_part(shipped: Shipped, places: Places) -> Batches:
    """A function that gives a shard without rows, in the types that rows have in these processes."""

    def give(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows, _ = places.split(pa.Table.from_batches([with_utc(batch).slice(0, 0)]))
            encoder = PartEncoder(shipped.tokenizer(), places.names, left_out=False)
            yield _pairs({"": _to_bytes(encoder.encode(rows).table)})
            return

    return give


def _by_shard(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, pa.Table]]:
    """The rows of each shard, which come one shard after another."""
    waiting: list[pa.RecordBatch] = []
    current = -1
    for batch in batches:
        numbers = batch[SHARD].to_numpy()
        for low, high in pairwise(run_offsets(numbers).tolist()):
            if waiting and numbers[low] != current:
                yield current, _to_table(waiting)
                waiting = []
            current = int(numbers[low])
            waiting.append(batch.slice(low, high - low))
    if waiting:
        yield current, _to_table(waiting)


def _to_table(batches: list[pa.RecordBatch]) -> pa.Table:
    return pa.Table.from_batches([with_utc(batch) for batch in batches]).drop_columns(SHARD)


def plain_types(schema: pa.Schema) -> pa.Schema:
    """A shard's columns in types that Spark has: signed 32-bit integers in place of unsigned ones."""
    fields: list[Any] = [pa.field("shard", pa.int32())]
    for field in schema:
        unsigned = pa.types.is_list(field.type) and pa.types.is_unsigned_integer(field.type.value_type)
        fields.append(field.with_type(pa.list_(pa.int32())) if unsigned else field)
    return pa.schema(fields)
