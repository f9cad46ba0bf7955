"""Fitting and encoding on Spark: the same tokenizer and the same shards, byte for byte, as on one machine.

Rows are sent to the partition that owns their shard, sorted there, and encoded shard by shard in Python
processes that Spark starts; these need domaintoolkit installed. Nothing here imports pyspark before it is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from domaintoolkit.encoders import EncoderType
from domaintoolkit.engines._budget import bucket_count, shard_count
from domaintoolkit.engines._composites import LowestEntities, learn_from
from domaintoolkit.engines._fit import FitResult
from domaintoolkit.engines._lock import locked
from domaintoolkit.engines._refused import from_json, raise_refused, write_quarantine
from domaintoolkit.engines._result import EncodeResult, build_manifest
from domaintoolkit.engines._spark_rows import (
    ROW,
    SHARD,
    Shipped,
    add_shards,
    empty_part,
    encode_shards,
    fit_rows,
    plain_types,
    sample_rows,
    typed,
    write_shards,
)
from domaintoolkit.engines._state import STATE, FinishedShard, State, check_free, discard
from domaintoolkit.errors import DataError, MissingExtraError, Refusal
from domaintoolkit.schema import Reader, Schema
from domaintoolkit.streams._manifest import ShardEntry
from domaintoolkit.streams._shards import write_shard
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["encode_spark", "fit_spark", "spark_streams"]


def fit_spark(
    schema: Schema, frame: Any, *, training_only: bool = True, encoders: Iterable[EncoderType] = ()
) -> FitResult:
    """Fit a tokenizer on the training entities of a Spark DataFrame: one pass, or two where there are none.

    Every partition counts its rows, and the counts are merged here. Rows that cannot be encoded raise.
    """
    _require_spark()
    wanted = frame.select(*_columns(schema, frame.columns))
    tokenizer = DomainTokenizer(schema, encoders)
    for only_training in (True, False) if training_only else (False,):
        counted = wanted.mapInArrow(fit_rows(schema, only_training), "part string, data binary").toLocalIterator()
        found = list(_states(counted))
        states = [tokenizer.restore_state(tables) for tables, _ in found if tables]
        rows_in = sum(rows for _, rows in found)
        fitted = sum(state.rows for state in states)
        if fitted:
            on: Literal["train", "all"] = "train" if only_training else "all"
            tokenizer.fit_states(states)
            entities = _learn_composites(tokenizer, wanted, only_training)
            return FitResult(tokenizer, rows_in, 0, fitted, on, entities)
    raise DataError([Refusal(None, None, "there are no rows to fit on")])


def _learn_composites(tokenizer: DomainTokenizer, frame: Any, training_only: bool) -> int:
    """Learn on the entities that the local engine would choose; every partition sends its candidates here."""
    spec = tokenizer.schema.composite
    if spec is None or spec.vocabulary_size == 0:
        return 0
    candidates = frame.mapInArrow(sample_rows(tokenizer.schema, spec.max_entities, training_only), frame.schema)
    lowest = LowestEntities(tokenizer.schema.entity, spec.max_entities, training_only)
    lowest.add(typed(candidates.toArrow()))
    return learn_from(tokenizer, spec, [lowest.table()])


def spark_streams(tokenizer: DomainTokenizer, frame: Any, *, shards: int | None = None) -> Any:
    """The streams of a Spark DataFrame as another: one row an entity, in the columns of a shard and its number.

    Ids are signed 32-bit integers here, since Spark has no unsigned ones. Rows that cannot be encoded raise.
    """
    _require_spark()
    from pyspark.sql.pandas.types import from_arrow_schema

    parted, shipped = _parted(tokenizer.schema, frame, shards), Shipped.of(tokenizer)
    columns = plain_types(_empty_part(shipped, tokenizer.schema, frame).schema)
    encode = encode_shards(shipped, parted.starts, columns)
    return parted.frame.mapInArrow(encode, from_arrow_schema(columns))


def encode_spark(
    tokenizer: DomainTokenizer,
    frame: Any,
    out: str | Path,
    *,
    shards: int | None = None,
    on_bad_rows: Literal["error", "quarantine"] = "error",
    quarantine: str | Path | None = None,
    reader: Reader | None = None,
) -> EncodeResult:
    """Encode a Spark DataFrame into the folder `out`, which Spark's workers and this process share.

    `reader` says how the files behind the frame are laid out, where it came from files.

    The folder is the same, byte for byte, as the local engine's for the same rows. A run that fails starts
    anew: Spark has its own ways to repeat what was lost.
    """
    _require_spark()
    folder = Path(out).absolute()
    path = folder / "quarantine.csv" if quarantine is None else Path(quarantine)
    with locked(folder):
        if check_free(folder):
            discard(folder)
        State(None, "", {}).save(folder)
        try:
            finished = _written(tokenizer, frame, folder, shards)
            refused = [from_json(row) for shard in finished for row in shard.refused]
            if on_bad_rows == "error":
                raise_refused(refused, [""])
        except DataError:
            discard(folder)
            raise
        manifest, counts = build_manifest(tokenizer, folder, finished, reader)
        written = write_quarantine(path, refused, [""])
        manifest.save(folder)
        (folder / STATE).unlink()
    return EncodeResult(folder, manifest, counts, 0, path if written else None)


def _written(tokenizer: DomainTokenizer, frame: Any, folder: Path, shards: int | None) -> list[FinishedShard]:
    """Write every shard, those without rows too."""
    parted = _parted(tokenizer.schema, frame, shards)
    tokenizer.save(folder / "tokenizer")
    shipped = Shipped.of(tokenizer)
    write = write_shards(shipped, parted.starts, str(folder))
    finished: dict[int, FinishedShard] = {}
    for row in parted.frame.mapInArrow(write, "shard string").toLocalIterator():
        data = json.loads(row["shard"])
        finished[data["number"]] = FinishedShard(**{**data, "entry": ShardEntry(**data["entry"])})
    missing = sorted(set(range(parted.shards)) - finished.keys())
    if missing:
        empty = _empty_part(shipped, tokenizer.schema, frame)
        finished |= {number: FinishedShard(number, write_shard(folder, number, empty), {}) for number in missing}
    return [finished[number] for number in sorted(finished)]


@dataclass(frozen=True, slots=True)
class _Parted:
    """Rows with each shard's together, in the order of the input; `starts` numbers each partition's first row."""

    frame: Any
    shards: int
    starts: dict[int, int]


def _parted(schema: Schema, frame: Any, shards: int | None) -> _Parted:
    from pyspark.sql import functions
    from pyspark.sql.types import IntegerType, StructField, StructType

    wanted = frame.select(*_columns(schema, frame.columns))
    counted = wanted.groupBy(functions.spark_partition_id().alias("partition")).count().collect()
    counts = {row["partition"]: row["count"] for row in counted}
    rows = sum(counts.values())
    if not rows:
        raise DataError([Refusal(None, None, "there are no rows to encode")])
    number = shards or shard_count(rows)
    bucket_count(number)
    starts = {partition: sum(counts.get(before, 0) for before in range(partition)) for partition in counts}
    numbered = wanted.withColumn(ROW, functions.monotonically_increasing_id())
    columns = StructType([*numbered.schema.fields, StructField(SHARD, IntegerType(), False)])
    sharded = numbered.mapInArrow(add_shards(schema.entity, number), columns)
    return _Parted(sharded.repartition(number, SHARD).sortWithinPartitions(SHARD, ROW), number, starts)


def _empty_part(shipped: Shipped, schema: Schema, frame: Any) -> pa.Table:
    """A shard without rows, in the types that rows have when they reach Spark's Python processes."""
    wanted = frame.select(*_columns(schema, frame.columns)).limit(1)
    row = wanted.mapInArrow(empty_part(shipped), "part string, data binary").collect()[0]
    return pa.ipc.open_stream(bytes(row["data"])).read_all()


def _states(rows: Iterable[Any]) -> Iterator[tuple[dict[str, pa.Table], int]]:
    """The tables of each partition's state, and how many rows it has read."""
    tables: dict[str, pa.Table] = {}
    for row in rows:
        if row["part"] == "":
            yield tables, int.from_bytes(row["data"], "little")
            tables = {}
        else:
            tables[row["part"]] = pa.ipc.open_stream(bytes(row["data"])).read_all()


def _columns(schema: Schema, there: list[str]) -> list[str]:
    """The schema's columns, quoted; labels only where there are any."""
    missing = [name for name in schema.columns if name not in there and name not in schema.labels]
    if missing:
        listed = ", ".join(repr(name) for name in there)
        raise DataError([Refusal(None, name, f"missing; the table's columns are: {listed}") for name in missing])
    return [f"`{name.replace('`', '``')}`" for name in schema.columns if name in there]


def _require_spark() -> None:
    try:
        import pyspark  # noqa: F401
    except ImportError:
        raise MissingExtraError("pyspark", "spark") from None
