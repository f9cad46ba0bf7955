"""Append the events of new files to the histories of an encoded folder."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from domaintoolkit.errors import ArtifactError, DataError, Interrupted, OutputError, Refusal, VocabularyMismatchError
from domaintoolkit.jobs.appending.overlap import Overlap
from domaintoolkit.jobs.appending.set_aside_rows import SET_ASIDE, Hashes, add_hashes, hash_rows, read_hashes
from domaintoolkit.jobs.appending.shard_append import ShardInput, append_rows, find_overlaps
from domaintoolkit.jobs.decoding import folder_tokenizer
from domaintoolkit.jobs.partition.budget import Budget, bucket_count
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.jobs.partition.row_buckets import RowBuckets
from domaintoolkit.jobs.partition.row_refusals import (
    RefusalList,
    finish_quarantine,
    locate_rows,
    raise_if_all_refused,
    raise_refusals,
    sort_rows,
)
from domaintoolkit.jobs.partition.row_source import AnyTable, RowSource, open_rows
from domaintoolkit.jobs.partition.spill import Spill, partition
from domaintoolkit.jobs.progress import Progress, silent
from domaintoolkit.jobs.result import EncodeResult, build_manifest, order_notes
from domaintoolkit.reading.refused_rows import KEPT, Quarantine, RefusedRow
from domaintoolkit.schema import Schema
from domaintoolkit.storage.encoded_folder import EncodedFolder, open_encoded
from domaintoolkit.storage.lock import lock_folder
from domaintoolkit.storage.manifest import Manifest, ShardEntry
from domaintoolkit.storage.resume_state import (
    APPENDED_SPILL,
    STATE,
    FinishedShard,
    clear_leftovers,
    make_spill,
    spill_folder,
)
from domaintoolkit.storage.shards import CARRIED, LEFT_OUT, SHARDS, write_shard
from domaintoolkit.streams.streams import Counts
from domaintoolkit.tokenizer import DomainTokenizer, OnBadRows
from domaintoolkit.util.arrow import to_plain
from domaintoolkit.util.threads import Threads
from domaintoolkit.values.columns import plain
from domaintoolkit.values.value_names import cast_names

__all__ = ["append"]


@dataclass(frozen=True, slots=True)
class _WrittenShard:
    """A shard that was appended to, and the rows that are not in it."""

    shard: FinishedShard
    refused: list[RefusedRow]
    set_aside: list[RefusedRow]
    hashes: Hashes
    newer_sources: frozenset[int]
    older_sources: frozenset[int]


def append(
    out: str | Path,
    source: RowSource | AnyTable,
    *,
    tokenizer: DomainTokenizer | None = None,
    rewrite: bool = False,
    memory: str | int = "2GB",
    threads: int | None = None,
    temporary: str | Path | None = None,
    on_bad_rows: OnBadRows = "error",
    quarantine: str | Path | None = None,
    progress: Progress | None = None,
) -> EncodeResult:
    """Add the rows of `source` to the encoded folder `out`: new histories, and new events of stored histories.

    The streams are those of encoding everything at once. An event older than the last encoded event of its entity
    goes to the quarantine file (default: `quarantine.csv` in `out`); with `rewrite`, its history is encoded again.
    `tokenizer` is the folder's own, or one that it was extended to (default: the folder's own). The folder does not
    change until everything is done.
    """
    folder = Path(out)
    if not folder.is_dir():
        raise OutputError(str(folder), "is not an encoded folder; there is nothing to append to")
    path = folder / "quarantine.csv" if quarantine is None else Path(quarantine)
    with lock_folder(folder):
        if (folder / STATE).exists():
            raise OutputError(str(folder), "holds an unfinished encoding; finish it before appending")
        clear_leftovers(folder)
        work = _FolderAppend(folder, tokenizer, on_bad_rows, Budget.of(memory, threads), progress or silent)
        finish_quarantine(path, work.encoded.manifest.counts["rows_refused"])
        partitioned = spill_folder(folder, None if temporary is None else Path(temporary), APPENDED_SPILL)
        make_spill(partitioned)
        try:
            return work.run(open_rows(source, work.tokenizer.schema), partitioned, path, rewrite)
        finally:
            shutil.rmtree(partitioned, ignore_errors=True)


class _FolderAppend:
    def __init__(
        self,
        folder: Path,
        tokenizer: DomainTokenizer | None,
        on_bad_rows: OnBadRows,
        budget: Budget,
        progress: Progress,
    ) -> None:
        self.encoded = open_encoded(folder)
        self.tokenizer = _choose_tokenizer(self.encoded, tokenizer)
        _check_columns(self.encoded, self.tokenizer.schema)
        self.folder, self.on_bad_rows, self.budget, self.progress = folder, on_bad_rows, budget, progress
        self.names: list[str] = []
        self.appended = ""
        self.kept = RefusalList(KEPT if on_bad_rows == "error" else None)
        """The rows that reading refused, the first of them if they are an error."""
        self._clear(self.encoded.manifest)

    def run(self, source: RowSource, partitioned: Path, quarantine: Path, rewrite: bool) -> EncodeResult:
        buckets = self._read(source, partitioned)
        entries = list(self.encoded.manifest.shards)
        todo = [number for number in range(len(entries)) if buckets.rows[self._range(number, buckets)].sum()]
        try:
            written = self._append(todo, buckets, rewrite)
            overlapping = self._find_overlapping(written, todo, buckets, rewrite)
            if overlapping:
                written = self._append(todo, buckets, rewrite, overlapping)
            refused = sort_rows([*self.kept, *(row for each in written for row in each.refused)], self.names)
            rows_in = len(self.kept) + int(buckets.rows.sum())
            if self.on_bad_rows == "error":
                problems = self.kept.problems + sum(len(row.problems) for each in written for row in each.refused)
                raise_refusals(list(locate_rows(source, refused[:KEPT], self.names)), self.names, problems)
            raise_if_all_refused(locate_rows(source, refused, self.names), len(refused), rows_in)
        except KeyboardInterrupt:
            self._clear(self.encoded.manifest)
            raise Interrupted("interrupted; the folder is unchanged; append again") from None
        except BaseException:
            self._clear(self.encoded.manifest)
            raise
        return self._finish(written, quarantine, source)

    def _append(
        self, todo: Sequence[int], buckets: RowBuckets, rewrite: bool, overlapping: frozenset[int] = frozenset()
    ) -> list[_WrittenShard]:
        """Append to all shards that have new rows, which are `todo`."""
        written: list[_WrittenShard] = []
        with Threads(self.budget.threads) as workers:
            for each in workers.map_as_completed(
                lambda number: self._append_to_shard(number, buckets, rewrite, overlapping), todo
            ):
                written.append(each)
                self.progress("appending", len(written), len(todo))
        return written

    def _read(self, source: RowSource, partitioned: Path) -> RowBuckets:
        spill = Spill(
            partitioned, EntityKeys.of(self.tokenizer), bucket_count(len(self.encoded.manifest.shards)), self.budget
        )
        total = 0

        def watch(table: pa.Table) -> None:
            nonlocal total
            # a sum is the same for any order of the rows
            total += int(hash_rows(self.tokenizer, table).sum())

        found = partition(source, self.tokenizer.schema, spill, self.progress, refused=self.kept, watch=watch)
        rows, self.names = found.rows, found.sources
        if not rows and not self.kept:
            raise DataError([Refusal(None, None, "there are no rows to append")])
        self.appended = f"{rows}:{total % (1 << 64):016x}"
        if self.appended in self.encoded.manifest.appended:
            reason = f"these {rows:,} rows were appended before, and are in {self.folder} already"
            raise DataError([Refusal(None, None, reason)])
        return found.buckets

    def _find_overlapping(
        self, written: Sequence[_WrittenShard], todo: Sequence[int], buckets: RowBuckets, rewrite: bool
    ) -> frozenset[int]:
        """The sources that share rows with the folder. Raises `DataError` if it has all rows of a source already.

        Rows that were set aside are not in the folder; `rewrite` lets them in.
        """
        newer = frozenset[int]().union(*(each.newer_sources for each in written))
        # a source without a newer row may be in the folder as a whole
        suspects = frozenset(range(len(self.names))) - newer
        # and one with an older row may share some of its rows with it
        suspects |= frozenset[int]().union(*(each.older_sources for each in written))
        if self.tokenizer.schema.time is None or not suspects:
            return frozenset()
        overlaps = dict.fromkeys(suspects, Overlap())
        hashes = read_hashes(self.folder, None if rewrite else self.encoded.manifest.set_aside)
        for number in todo:
            found = find_overlaps(self.tokenizer, self._shard_input(number, buckets), suspects, hashes)
            overlaps = {source: each + found[source] for source, each in overlaps.items()}
        files = [
            (self.names[source], each.known)
            for source, each in sorted(overlaps.items())
            if source not in newer and each.known and not each.others
        ]
        if files:
            word = f"in {self.folder} already: encoded or appended before"
            raise DataError([Refusal(None, None, f"{_describe_rows(name, rows)} {word}") for name, rows in files])
        return frozenset(source for source, each in overlaps.items() if each.older)

    def _range(self, number: int, buckets: RowBuckets) -> slice:
        # without a rest: the buckets were made a multiple of the shards
        each = buckets.count // len(self.encoded.manifest.shards)
        return slice(number * each, (number + 1) * each)

    def _append_to_shard(
        self, number: int, buckets: RowBuckets, rewrite: bool, overlapping: frozenset[int]
    ) -> _WrittenShard:
        made = append_rows(self.tokenizer, self._shard_input(number, buckets), self.names, rewrite, overlapping)
        generation = 1 + _generation(self.encoded.manifest.shards[number])
        entry = write_shard(self.folder, number, made.table, generation)
        left_out = None
        if made.left_out is not None:
            left_out = write_shard(self.folder, number, made.left_out, generation, LEFT_OUT)
        finished = FinishedShard(number, entry, asdict(made.counts), left_out=left_out)
        return _WrittenShard(
            finished, made.refused, made.set_aside, made.hashes, made.newer_sources, made.older_sources
        )

    def _shard_input(self, number: int, buckets: RowBuckets) -> ShardInput:
        """The histories of a shard, and the new rows that belong to it."""
        place = self._range(number, buckets)
        old, new = self.encoded.table(number), buckets.read(place.start, place.stop)
        assert new is not None
        return ShardInput(old, self.encoded.left_out(number), _cast_to_stored(new, old, self.tokenizer))

    def _finish(self, shards: Sequence[_WrittenShard], quarantine: Path, source: RowSource) -> EncodeResult:
        before = self.encoded.manifest
        left_out = before.left_out or (None,) * len(before.shards)
        entries = zip(before.shards, left_out, strict=True)
        finished = {k: FinishedShard(k, entry, {}, left_out=left) for k, (entry, left) in enumerate(entries)}
        finished |= {each.shard.number: each.shard for each in shards}
        listed = [finished[number] for number in sorted(finished)]
        refused = [*self.kept, *(row for each in shards for row in each.refused)]
        manifest, added = build_manifest(self.tokenizer, self.folder, listed, source.reader, len(self.kept))
        hashes = np.concatenate([np.zeros(0, np.uint64), *(each.hashes for each in shards)])
        set_aside = add_hashes(self.folder, before.set_aside, hashes)
        counts = asdict(Counts(**before.counts) + added)
        # rows that were set aside may be appended again, with `rewrite`
        is_partial = any(each.set_aside for each in shards)
        appended = before.appended if is_partial else (*before.appended, self.appended)
        manifest = replace(manifest, counts=counts, reader=before.reader, set_aside=set_aside)
        manifest = replace(manifest, appended=appended)
        absent = [*refused, *(row for each in shards for row in each.set_aside)]
        with Quarantine(quarantine, keep=True) as rows:
            rows.add(locate_rows(source, sort_rows(absent, self.names), self.names))
            rows.flush()
            self.tokenizer.save(self.folder / "tokenizer")
            # the manifest names the new files, so saving it is the one step that appends the rows
            manifest.save(self.folder)
        written = rows.total > 0
        self._clear(manifest)
        notes = (*dict.fromkeys(source.counts.notes), *order_notes(self.tokenizer.schema))
        return EncodeResult(self.folder, manifest, added, 0, quarantine if written else None, notes)

    def _clear(self, manifest: Manifest) -> None:
        """Remove the shard files that the manifest does not name: replaced ones, and those of an unfinished run."""
        named = {self.folder / shard.file for shard in (*manifest.shards, *manifest.left_out)}
        if manifest.set_aside is not None:
            named.add(self.folder / manifest.set_aside.file)
        for path in [path for name in (SHARDS, LEFT_OUT, SET_ASIDE) for path in self.folder.glob(f"{name}/*")]:
            if path not in named:
                path.unlink()


def _describe_rows(name: str, rows: int) -> str:
    whole = f"all {rows:,} rows" if rows > 1 else "the one row"
    return f"{whole}{' of ' if name else ''}{name} {'are' if rows > 1 else 'is'}"


def _check_columns(encoded: EncodedFolder, schema: Schema) -> None:
    """Raises `ArtifactError` if shards lack a column that appending needs, as those of earlier versions do."""
    needed = {
        "sessions": schema.session,
        "order_by": schema.free_order,
        "statics": schema.static,
        "split_value": schema.split_column,
    }
    for name, declared in needed.items():
        if declared and name not in encoded.manifest.columns:
            raise ArtifactError(str(encoded.folder), f"has no column {name!r} in its shards; encode everything again")


def _choose_tokenizer(encoded: EncodedFolder, tokenizer: DomainTokenizer | None) -> DomainTokenizer:
    if tokenizer is None:
        tokenizer = folder_tokenizer(encoded)
    expected = str(encoded.manifest.vocabulary["hash"])
    if not tokenizer.vocabulary.accepts(expected):
        hint = "append with the folder's own tokenizer, or one that it was extended to"
        raise VocabularyMismatchError(expected, tokenizer.vocabulary.hash, hint)
    width = encoded.manifest.columns["ids"]
    if "uint16" in width and len(tokenizer.vocabulary) > 1 << 16:
        raise OutputError(
            str(encoded.folder), "holds ids of 16 bits, too few for this vocabulary; encode everything again"
        )
    return tokenizer


def _cast_to_stored(new: pa.Table, old: pa.Table, tokenizer: DomainTokenizer) -> pa.Table:
    """The new rows with the types that the shard has for the columns it keeps, and times without a dictionary."""
    schema, time = tokenizer.schema, tokenizer.schema.time
    # the types of the shard decide: a column may have been text in one file and numbers in another
    kinds = {name: old[name].type for name in schema.entity}
    if time is not None and pa.types.is_dictionary(new[time].type):
        kinds[time] = new[time].type.value_type
    if schema.session is not None:
        kinds[schema.session] = old["last_session"].type
    if schema.split_column is not None:
        kinds[schema.split_column] = old["split_value"].type
    for carried in (name for name in CARRIED if name in old.column_names):
        kinds |= {field.name: field.type.value_type for field in old[carried].type}
    for name in schema.labels:
        if name in new.column_names and name not in kinds:
            raise DataError([Refusal(None, name, "the folder was made without this label; encode everything again")])
        if name in kinds and name not in new.column_names:
            new = new.append_column(name, pa.nulls(len(new), kinds[name]))
    for name, kind in kinds.items():
        place = new.schema.get_field_index(name)
        try:
            new = new.set_column(place, name, cast_names(plain(new[name]), kind))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            reason = f"its values are {kind} in the folder, and {to_plain(new[name]).type} here: {error}"
            raise DataError([Refusal(None, name, reason)]) from None
    return new


def _generation(entry: ShardEntry) -> int:
    found = re.search(r"-(\d+)\.arrow$", entry.file)
    return int(found[1]) if found else 0
