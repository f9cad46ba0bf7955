"""Rows on Spark by shard: counted in one pass, then those of each shard together, in the order of the input."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.jobs.partition.budget import bucket_count, shard_count
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.jobs.spark.conversion import REFUSED, ROW
from domaintoolkit.jobs.spark.source import SparkRows, columns_to_read, quote_name
from domaintoolkit.jobs.spark.worker import SHARD, Places, Shipped, add_shards, empty_part
from domaintoolkit.schema import Schema
from domaintoolkit.storage.resume_state import InputFile
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["SparkPartition", "empty_shard", "partition_rows", "row_places"]


@dataclass(frozen=True, slots=True)
class SparkPartition:
    """The rows with the number of the shard of each."""

    frame: Any
    shards: int
    places: Places
    fingerprint: InputFile
    """The number of rows, and the sum of Spark's hashes of them; their place does not count."""

    def together(self, finished: Collection[int] = ()) -> Any:
        """Each shard's rows together, in the order of the input, but for those of `finished` shards."""
        from pyspark.sql import functions

        frame = self.frame
        if finished:
            frame = frame.filter(~functions.col(f"`{SHARD}`").isin(sorted(finished)))
        return frame.repartition(self.shards, SHARD).sortWithinPartitions(SHARD, ROW)


def row_places(source: SparkRows, columns: Sequence[str]) -> Places:
    """The places that rows come from; the rows of a DataFrame are counted for them."""
    return Places(source.names) if source.numbered else _count_rows(source, columns, False)[0]


def partition_rows(tokenizer: DomainTokenizer, source: SparkRows, shards: int | None) -> SparkPartition:
    """Count the rows in one pass, and give each the number of its shard."""
    from pyspark.sql.types import IntegerType, StructField, StructType

    schema = tokenizer.schema
    columns = columns_to_read(schema, source)
    places, rows, good, digest = _count_rows(source, columns, not schema.has_order)
    if not rows:
        raise DataError([Refusal(None, None, "there are no rows to encode")])
    number = shards or shard_count(good)
    bucket_count(number)
    frame = source.frame(columns)
    made = StructType([*frame.schema.fields, StructField(SHARD, IntegerType(), False)])
    sharded = frame.mapInArrow(add_shards(EntityKeys.of(tokenizer), number), made)
    return SparkPartition(sharded, number, places, InputFile("the rows given to Spark", rows, 0, digest))


def _count_rows(source: SparkRows, columns: Sequence[str], ordered: bool) -> tuple[Places, int, int, str]:
    """(places, number of rows, number of good rows, fingerprint of their values).

    With `ordered`, the fingerprint depends on the order of the rows too.
    """
    from pyspark.sql import functions

    frame = source.frame(columns)
    hashed = [name for name in frame.columns if name != ROW or ordered]
    value = functions.xxhash64(*(functions.col(quote_name(name)) for name in hashed))
    counted = (
        frame.groupBy(functions.spark_partition_id().alias("partition"))
        .agg(
            functions.count(functions.lit(1)).alias("rows"),
            functions.count(functions.col(f"`{REFUSED}`")).alias("refused"),
            # as decimals: sums of 64-bit hashes overflow
            functions.sum(value.cast("decimal(20,0)")).alias("sum"),
        )
        .collect()
    )
    found = sorted(counted, key=lambda row: row["partition"])
    starts, rows = {}, 0
    for row in found:
        starts[row["partition"]] = rows
        rows += row["rows"]
    # a sum does not depend on the order of the rows, which Spark does not keep
    total = sum(int(row["sum"]) for row in found) % (1 << 64)
    places = Places(source.names, None if source.numbered else starts)
    return places, rows, rows - sum(row["refused"] for row in found), f"{total:016x}"


def empty_shard(shipped: Shipped, schema: Schema, source: SparkRows, places: Places) -> pa.Table:
    """A shard without rows, in the types that rows have when they reach Spark's Python processes."""
    frame = source.frame(columns_to_read(schema, source)).limit(1)
    row = frame.mapInArrow(empty_part(shipped, places), "part string, data binary").collect()[0]
    return pa.ipc.open_stream(bytes(row["data"])).read_all()
