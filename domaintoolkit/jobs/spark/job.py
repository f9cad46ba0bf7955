"""Fitting and encoding on Spark: the same tokenizer and the same shards, byte for byte, as on one machine.

Rows are sent to the partition that owns their shard, sorted there, and encoded shard by shard in Python
processes that Spark starts; these need domaintoolkit installed. Nothing here imports pyspark before it is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from domaintoolkit.encoders import EncoderType
from domaintoolkit.errors import DataError, Interrupted, MissingExtraError, Refusal
from domaintoolkit.jobs.composites import LowestEntities, learn_from
from domaintoolkit.jobs.fitting import FitResult, fitting_schema
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.jobs.partition.row_refusals import (
    from_json,
    locate_rows,
    raise_if_all_refused,
    raise_refusals,
    sort_rows,
    write_quarantine,
)
from domaintoolkit.jobs.result import EncodeResult, build_manifest, order_notes
from domaintoolkit.jobs.spark.conversion import REFUSED, ROW, with_utc
from domaintoolkit.jobs.spark.partitions import SparkPartition, empty_shard, partition_rows, row_places
from domaintoolkit.jobs.spark.source import (
    FrameRows,
    SparkRows,
    SparkSource,
    columns_to_read,
    quote_name,
    with_joined_time,
)
from domaintoolkit.jobs.spark.worker import (
    ENTRY,
    Places,
    Shipped,
    encode_shards,
    finished_shard,
    fit_rows,
    plain_types,
    refused_entries,
    sample_rows,
    write_shards,
)
from domaintoolkit.reading.refused_rows import RefusedRow
from domaintoolkit.schema import Reader, Schema
from domaintoolkit.storage.lock import lock_folder
from domaintoolkit.storage.replacement import continuing
from domaintoolkit.storage.resume_state import (
    FinishedShard,
    ResumeState,
    can_continue,
    check_free,
    clear_state,
    discard,
    identify,
)
from domaintoolkit.storage.shards import LEFT_OUT, read_shard, write_shard
from domaintoolkit.tokenizer import DomainTokenizer, FitState, OnBadRows
from domaintoolkit.tokenizer.rows.column_types import column_type

__all__ = ["encode_spark", "fit_spark", "spark_refused", "spark_streams"]


def fit_spark(
    schema: Schema,
    rows: Any,
    *,
    training_only: bool = True,
    on_bad_rows: OnBadRows = "error",
    encoders: Iterable[EncoderType] = (),
) -> FitResult:
    """Fit a tokenizer on the training entities of `rows`: a Spark DataFrame, or files from `open_spark`.

    One pass, or two if no entity is for training; every partition counts its rows, and the counts are merged
    here. Rows that cannot be encoded raise one `DataError`, or with `quarantine` are passed over.
    """
    source = _source(schema, rows)
    columns = columns_to_read(schema, source)
    tokenizer = DomainTokenizer(schema, encoders)
    for only_training in (True, False) if training_only else (False,):
        states, summary, refused = _count_rows(tokenizer, source, fitting_schema(schema), only_training, on_bad_rows)
        fitted = sum(state.rows for state in states)
        if refused or (summary["rows_refused"] and not fitted and not only_training):
            _, _, refused = _count_rows(tokenizer, source, schema, False, "error", row_places(source, columns))
            raise_refusals(_locate(source, refused), source.names)
        if fitted:
            on: Literal["train", "all"] = "train" if only_training else "all"
            for field in source.frame(columns).select(*map(quote_name, columns)).limit(0).toArrow().schema:
                states[0].types.setdefault(field.name, column_type(field.type))
            tokenizer.fit_states(states)
            entities = _learn_composites(tokenizer, source, only_training)
            return FitResult(tokenizer, summary["rows_in"], summary["rows_refused"], fitted, on, entities)
    raise DataError([Refusal(None, None, "there are no rows to fit on")])


def _count_rows(
    tokenizer: DomainTokenizer, source: SparkRows, schema: Schema, training_only: bool, on_bad_rows: str,
    places: Places | None = None,
) -> tuple[list[FitState], dict[str, int], list[RefusedRow]]:  # fmt: skip
    """(the state of each partition, counts, the rows that were refused, unless they are passed over)."""
    count = fit_rows(schema, training_only, on_bad_rows == "quarantine", places or Places(source.names))
    states: list[FitState] = []
    refused: list[RefusedRow] = []
    summary = {"rows_in": 0, "rows_refused": 0}
    with _persist(source.frame(columns_to_read(schema, source)).mapInArrow(count, "part string, data binary")) as frame:
        for tables, found in _states(frame.toLocalIterator()):
            if tables:
                states.append(tokenizer.restore_state(tables))
            summary = {name: number + found[name] for name, number in summary.items()}
            refused += [from_json(row) for row in found["refused"]]
    return states, summary, refused


@contextmanager
def _persist(frame: Any) -> Iterator[Any]:
    """A frame that all workers compute at once and keep on their disks, to be fetched part by part."""
    from pyspark import StorageLevel

    kept = frame.persist(StorageLevel.DISK_ONLY)
    try:
        kept.count()
        yield kept
    finally:
        kept.unpersist()


def _states(rows: Iterable[Any]) -> Iterator[tuple[dict[str, pa.Table], dict[str, Any]]]:
    """The tables of each partition's state, and its other counts."""
    tables: dict[str, pa.Table] = {}
    for row in rows:
        if row["part"] == "":
            yield tables, json.loads(bytes(row["data"]))
            tables = {}
        else:
            tables[row["part"]] = pa.ipc.open_stream(bytes(row["data"])).read_all()


def _learn_composites(tokenizer: DomainTokenizer, source: SparkRows, training_only: bool) -> int:
    """Learn from the entities that the local engine would choose; every partition sends its candidates here."""
    schema, spec = tokenizer.schema, tokenizer.schema.composite
    if spec is None or spec.vocabulary_size == 0:
        return 0
    frame = source.frame([name for name in columns_to_read(schema, source) if name not in schema.labels])
    candidates = frame.mapInArrow(sample_rows(schema, spec.max_entities, training_only), frame.schema)
    lowest = LowestEntities(EntityKeys(schema.entity), spec.max_entities, schema if training_only else None)
    lowest.add(with_utc(candidates.orderBy(ROW).drop(ROW, REFUSED).toArrow()))
    return learn_from(tokenizer, spec, lowest.table())


def spark_streams(
    tokenizer: DomainTokenizer, rows: Any, *, shards: int | None = None, on_bad_rows: OnBadRows = "error"
) -> Any:
    """The streams of `rows` (a Spark DataFrame, or files from `open_spark`) as a DataFrame.

    One row an entity, in the columns of a shard and its number. Ids are signed 32-bit integers here, since Spark
    has no unsigned ones. Rows that cannot be encoded raise when it is computed, or with `quarantine` are left out;
    `spark_refused` gives them. Entities with fewer than `min_events` are left out.
    """
    from pyspark.sql.pandas.types import from_arrow_schema

    source, shipped = _source(tokenizer.schema, rows), Shipped.of(tokenizer)
    made = partition_rows(tokenizer, source, shards)
    columns = plain_types(empty_shard(shipped, tokenizer.schema, source, made.places).schema)
    encode = encode_shards(shipped, made.places, columns, on_bad_rows == "quarantine")
    return made.together().mapInArrow(encode, from_arrow_schema(columns))


def spark_refused(tokenizer: DomainTokenizer, rows: Any, *, shards: int | None = None) -> Any:
    """The rows of `rows` that cannot be encoded as a DataFrame, in the columns of a quarantine file."""
    from pyspark.sql.pandas.types import from_arrow_schema

    made = partition_rows(tokenizer, _source(tokenizer.schema, rows), shards)
    return made.together().mapInArrow(refused_entries(Shipped.of(tokenizer), made.places), from_arrow_schema(ENTRY))


def encode_spark(
    tokenizer: DomainTokenizer,
    rows: Any,
    out: str | Path,
    *,
    shards: int | None = None,
    on_bad_rows: OnBadRows = "error",
    quarantine: str | Path | None = None,
    reader: Reader | None = None,
) -> EncodeResult:
    """Encode `rows` (a Spark DataFrame, or files from `open_spark`) into the folder `out`.

    Spark's workers and this process share `out`. `reader` declares the layout of the files behind a DataFrame.

    The folder is the same, byte for byte, as the local engine's for the same rows. The same call continues a
    failed run, if its rows are the same; finished shards are checked and kept.
    """
    source = _source(tokenizer.schema, rows, reader)
    folder = Path(out).absolute()
    path = folder / "quarantine.csv" if quarantine is None else Path(quarantine)
    with lock_folder(folder):
        unfinished = check_free(folder)
        made = partition_rows(tokenizer, source, shards)
        # a run that was begun with other options or rows cannot be continued
        options = {"engine": "spark", "shards": shards, "on_bad_rows": on_bad_rows}
        state = ResumeState((made.fingerprint,), identify(tokenizer), options, made.shards)
        with continuing():
            if unfinished and not can_continue(folder, ResumeState.load(folder), state):
                discard(folder)
                unfinished = False
        if not unfinished:
            state.save(folder)
            tokenizer.save(folder / "tokenizer")
        try:
            finished, resumed = _write_shards(tokenizer, source, made, folder)
            refused = _locate(source, [from_json(row) for shard in finished for row in shard.refused])
            if on_bad_rows == "error":
                raise_refusals(refused, source.names)
        except BaseException as error:
            message = _describe_interruption(folder, made.shards)
            if isinstance(error, DataError) or not _find_finished(folder, made.shards):
                discard(folder)  # no later run can continue from it, and any other may use the folder
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted(message) from None
            raise
        manifest, counts = build_manifest(tokenizer, folder, finished, source.reader)
        try:
            raise_if_all_refused(refused, counts.rows_refused, counts.rows_in)
        except DataError:
            discard(folder)
            raise
        # the manifest comes last: a folder with one is whole
        written = write_quarantine(path, refused)
        manifest.save(folder)
        clear_state(folder)
    return EncodeResult(folder, manifest, counts, resumed, path if written else None, order_notes(tokenizer.schema))


def _describe_interruption(folder: Path, shards: int) -> str:
    done = len(_find_finished(folder, shards))
    return f"interrupted; {done} of {shards} shards are finished; run the same command again to continue"


def _find_finished(folder: Path, shards: int) -> list[FinishedShard]:
    return [shard for number in range(shards) if (shard := finished_shard(folder, number)) is not None]


def _write_shards(
    tokenizer: DomainTokenizer, source: SparkRows, made: SparkPartition, folder: Path
) -> tuple[list[FinishedShard], int]:
    """All shards, also those without rows, and the number that an earlier run finished."""
    before = _find_finished(folder, made.shards)
    for entry in (entry for shard in before for entry in shard.files):
        read_shard(folder, entry)
    shipped = Shipped.of(tokenizer)
    if len(before) < made.shards:
        known = {shard.number for shard in before}
        made.together(known).mapInArrow(write_shards(shipped, made.places, str(folder)), "shard int").collect()
    found = {number: finished_shard(folder, number) for number in range(made.shards)}
    missing = [number for number, shard in found.items() if shard is None]
    if missing:
        empty = empty_shard(shipped, tokenizer.schema, source, made.places)
        bounded = tokenizer.schema.min_events > 1
        for number in missing:
            left_out = write_shard(folder, number, empty, within=LEFT_OUT) if bounded else None
            found[number] = FinishedShard(number, write_shard(folder, number, empty), {}, left_out=left_out)
    return [shard for shard in found.values() if shard is not None], len(before)


def _source(schema: Schema, rows: Any, reader: Reader | None = None) -> SparkRows:
    try:
        import pyspark  # noqa: F401
    except ImportError:
        raise MissingExtraError("pyspark", "spark") from None
    return rows if isinstance(rows, SparkSource) else FrameRows(with_joined_time(schema, rows), reader)


def _locate(source: SparkRows, refused: list[RefusedRow]) -> list[RefusedRow]:
    """The rows with their lines and text, if this process sees the files."""
    refused = sort_rows(refused, source.names)
    return refused if source.local is None else list(locate_rows(source.local, refused, source.names))
