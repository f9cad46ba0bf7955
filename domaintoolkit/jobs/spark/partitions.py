"""Rows on Spark by shard: counted and fingerprinted in one pass, then each shard's together in the input's order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.jobs.partition.budget import bucket_count, shard_count
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.jobs.spark.conversion import REFUSED, ROW
from domaintoolkit.jobs.spark.source import SparkRows, wanted
from domaintoolkit.jobs.spark.worker import SHARD, Places, Shipped, add_shards, empty_part
from domaintoolkit.schema import Schema
from domaintoolkit.storage.resume_state import InputFile
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["Parted", "empty_shard", "parted", "row_places"]


@dataclass(frozen=True, slots=True)
class Parted:
    """The rows with the number of each one's shard."""

    frame: Any
    shards: int
    places: Places
    fingerprint: InputFile
    """How many rows there are, and the sum of Spark's hashes of them; not where they lie."""

    def together(self, finished: Collection[int] = ()) -> Any:
        """Each shard's rows together, in the order of the input, but for those of `finished` shards."""
        from pyspark.sql import functions

        frame = self.frame
        if finished:
            frame = frame.filter(~functions.col(f"`{SHARD}`").isin(sorted(finished)))
        return frame.repartition(self.shards, SHARD).sortWithinPartitions(SHARD, ROW)


def row_places(source: SparkRows, columns: Sequence[str]) -> Places:
    """Where rows come from; a DataFrame's are counted for it."""
    return Places(source.names) if source.numbered else _counted(source, columns, False)[0]


def parted(tokenizer: DomainTokenizer, source: SparkRows, shards: int | None) -> Parted:
    """Count the rows in one pass, and say which shard each belongs to."""
    from pyspark.sql.types import IntegerType, StructField, StructType

    schema = tokenizer.schema
    columns = wanted(schema, source)
    places, rows, good, digest = _counted(source, columns, schema.time is None)
    if not rows:
        raise DataError([Refusal(None, None, "there are no rows to encode")])
    number = shards or shard_count(good)
    bucket_count(number)
    frame = source.frame(columns)
    made = StructType([*frame.schema.fields, StructField(SHARD, IntegerType(), False)])
    sharded = frame.mapInArrow(add_shards(EntityKeys.of(tokenizer), number), made)
    return Parted(sharded, number, places, InputFile("the rows given to Spark", rows, 0, digest))


def _counted(source: SparkRows, columns: Sequence[str], ordered: bool) -> tuple[Places, int, int, str]:
    """The places of rows, how many there are and how many good ones, and a fingerprint of their values.

    That of rows whose order counts hangs on their order too.
    """
    from pyspark.sql import functions

    frame = source.frame(columns)
    hashed = [name for name in frame.columns if name != ROW or ordered]
    value = functions.xxhash64(*(functions.col(f"`{name.replace('`', '``')}`") for name in hashed))
    counted = (
        frame.groupBy(functions.spark_partition_id().alias("partition"))
        .agg(
            functions.count(functions.lit(1)).alias("rows"),
            functions.count(functions.col(f"`{REFUSED}`")).alias("refused"),
            functions.sum(value.cast("decimal(20,0)")).alias("sum"),
        )
        .collect()
    )
    found = sorted(counted, key=lambda row: row["partition"])
    starts, rows = {}, 0
    for row in found:
        starts[row["partition"]] = rows
        rows += row["rows"]
    total = sum(int(row["sum"]) for row in found) % (1 << 64)
    places = Places(source.names, None if source.numbered else starts)
    return places, rows, rows - sum(row["refused"] for row in found), f"{total:016x}"


def empty_shard(shipped: Shipped, schema: Schema, source: SparkRows, places: Places) -> pa.Table:
    """A shard without rows, in the types that rows have when they reach Spark's Python processes."""
    frame = source.frame(wanted(schema, source)).limit(1)
    row = frame.mapInArrow(empty_part(shipped, places), "part string, data binary").collect()[0]
    return pa.ipc.open_stream(bytes(row["data"])).read_all()
