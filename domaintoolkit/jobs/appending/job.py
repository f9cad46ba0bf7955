"""`append`: new files' events at the ends of the histories of an encoded folder."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import ArtifactError, DataError, Interrupted, OutputError, Refusal, VocabularyMismatchError
from domaintoolkit.jobs.appending.already_encoded import Seen
from domaintoolkit.jobs.appending.set_aside import SET_ASIDE, hash_rows, read_aside, write_aside
from domaintoolkit.jobs.appending.shard_append import append_rows, seen_rows
from domaintoolkit.jobs.decoding import folder_tokenizer
from domaintoolkit.jobs.partition.budget import Budget, bucket_count
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.jobs.partition.row_buckets import RowBuckets
from domaintoolkit.jobs.partition.row_refusals import (
    RefusalList,
    finish_quarantine,
    locate_rows,
    raise_refusals,
    sort_rows,
)
from domaintoolkit.jobs.partition.row_source import AnyTable, RowSource, open_rows
from domaintoolkit.jobs.partition.spill import Spill, partition
from domaintoolkit.jobs.progress import Progress, silent
from domaintoolkit.jobs.result import EncodeResult, build_manifest
from domaintoolkit.reading.refused_rows import Quarantine, RefusedRow
from domaintoolkit.schema import Schema
from domaintoolkit.storage.encoded_folder import EncodedFolder, open_encoded
from domaintoolkit.storage.lock import lock_folder
from domaintoolkit.storage.manifest import Manifest, ShardEntry
from domaintoolkit.storage.resume_state import APPENDING, STATE, FinishedShard, clear_partials
from domaintoolkit.storage.shards import CARRIED, LEFT_OUT, SHARDS, write_shard
from domaintoolkit.streams.streams import Counts
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.arrow import to_plain
from domaintoolkit.util.threads import Threads

__all__ = ["append"]


@dataclass(frozen=True, slots=True)
class _Grown:
    """A shard that was appended to, and the rows that were not."""

    shard: FinishedShard
    refused: list[RefusedRow]
    older: list[RefusedRow]
    aside: NDArray[np.uint64]
    newer: frozenset[int]
    behind: frozenset[int]


def append(
    out: str | Path,
    source: RowSource | AnyTable,
    *,
    tokenizer: DomainTokenizer | None = None,
    rewrite: bool = False,
    memory: str | int = "2GB",
    threads: int | None = None,
    temporary: str | Path | None = None,
    on_bad_rows: Literal["error", "quarantine"] = "error",
    quarantine: str | Path | None = None,
    progress: Progress | None = None,
) -> EncodeResult:
    """Add the rows of `source` to the encoded folder `out`: new histories, and new events of those it has.

    The streams are those of encoding everything at once. An event older than its entity's last encoded one goes
    to the quarantine file (left out: `quarantine.csv` in `out`); with `rewrite`, its history is encoded again.
    `tokenizer` is one that the folder's own was extended to (left out: the folder's own). Until all is done
    the folder is as it was.
    """
    folder = Path(out)
    if not folder.is_dir():
        raise OutputError(str(folder), "is not an encoded folder; there is nothing to append to")
    path = folder / "quarantine.csv" if quarantine is None else Path(quarantine)
    with lock_folder(folder):
        if (folder / STATE).exists():
            raise OutputError(str(folder), "holds an unfinished encoding; finish it before appending")
        clear_partials(folder)
        work = _Appending(folder, tokenizer, on_bad_rows, Budget.of(memory, threads), progress or silent)
        finish_quarantine(path, work.encoded.manifest.counts["rows_refused"])
        with _partition_folder(folder if temporary is None else Path(temporary)) as partitioned:
            return work.run(open_rows(source), partitioned, path, rewrite)


@contextmanager
def _partition_folder(within: Path) -> Iterator[Path]:
    """A temporary folder for partitioned rows."""
    try:
        within.mkdir(parents=True, exist_ok=True)
        made = tempfile.mkdtemp(prefix=APPENDING, dir=within)
    except OSError as error:
        raise OutputError(str(within), error.strerror or str(error)) from None
    try:
        yield Path(made)
    finally:
        shutil.rmtree(made, ignore_errors=True)


class _Appending:
    def __init__(
        self,
        folder: Path,
        tokenizer: DomainTokenizer | None,
        on_bad_rows: Literal["error", "quarantine"],
        budget: Budget,
        progress: Progress,
    ) -> None:
        self.encoded = open_encoded(folder)
        self.tokenizer = _chosen(self.encoded, tokenizer)
        _check_columns(self.encoded, self.tokenizer.schema)
        self.folder, self.on_bad_rows, self.budget, self.progress = folder, on_bad_rows, budget, progress
        self.names: list[str] = []
        self.appended = ""
        self.kept = RefusalList()
        self._clear(self.encoded.manifest)

    def run(self, source: RowSource, partitioned: Path, quarantine: Path, rewrite: bool) -> EncodeResult:
        buckets = self._read(source, partitioned)
        entries = list(self.encoded.manifest.shards)
        todo = [number for number in range(len(entries)) if buckets.rows[self._range(number, buckets)].sum()]
        try:
            grown = self._grown(todo, buckets, rewrite)
            sharing = self._sharing(grown, todo, buckets, rewrite)
            if sharing:
                grown = self._grown(todo, buckets, rewrite, sharing)
            if self.on_bad_rows == "error":
                refused = sort_rows([row for each in grown for row in each.refused], self.names)
                raise_refusals(list(locate_rows(source, refused, self.names)), self.names)
        except KeyboardInterrupt:
            self._clear(self.encoded.manifest)
            raise Interrupted("interrupted; the folder is as it was before; append again") from None
        except BaseException:
            self._clear(self.encoded.manifest)
            raise
        return self._finish(grown, quarantine, source)

    def _grown(
        self, todo: Sequence[int], buckets: RowBuckets, rewrite: bool, sharing: frozenset[int] = frozenset()
    ) -> list[_Grown]:
        """All shards that rows belong to, with them."""
        grown: list[_Grown] = []
        with Threads(self.budget.threads) as workers:
            for each in workers.map_as_completed(lambda number: self._grow(number, buckets, rewrite, sharing), todo):
                grown.append(each)
                self.progress("appending", len(grown), len(todo))
        return grown

    def _read(self, source: RowSource, partitioned: Path) -> RowBuckets:
        spill = Spill(
            partitioned, EntityKeys.of(self.tokenizer), bucket_count(len(self.encoded.manifest.shards)), self.budget
        )
        refused, total = None if self.on_bad_rows == "error" else self.kept, 0

        def watch(table: pa.Table) -> None:
            nonlocal total
            total += int(hash_rows(self.tokenizer, table).sum())

        buckets, rows, self.names = partition(
            source, self.tokenizer.schema, spill, self.progress, refused=refused, watch=watch
        )
        if not rows and not self.kept:
            raise DataError([Refusal(None, None, "there are no rows to append")])
        self.appended = f"{rows}:{total % (1 << 64):016x}"
        if self.appended in self.encoded.manifest.appended:
            reason = f"these {rows:,} rows were appended before, and are in {self.folder} already"
            raise DataError([Refusal(None, None, reason)])
        return buckets

    def _sharing(
        self, grown: Sequence[_Grown], todo: Sequence[int], buckets: RowBuckets, rewrite: bool
    ) -> frozenset[int]:
        """The sources that share rows with the folder. Raises `DataError` where all rows of one are there already.

        Rows that were set aside are not there, and with `rewrite` they come in.
        """
        newer = frozenset[int]().union(*(each.newer for each in grown))
        looked_at = frozenset(range(len(self.names))) - newer
        looked_at |= frozenset[int]().union(*(each.behind for each in grown))
        if self.tokenizer.schema.time is None or not looked_at:
            return frozenset()
        seen = dict.fromkeys(looked_at, Seen())
        aside = read_aside(self.folder, None if rewrite else self.encoded.manifest.set_aside)
        for number in todo:
            old, new = self._old_and_new(number, buckets)
            found = seen_rows(self.tokenizer, old, self.encoded.left_out(number), new, looked_at, aside)
            seen = {source: each + found[source] for source, each in seen.items()}
        files = [
            (self.names[source], each.known)
            for source, each in sorted(seen.items())
            if source not in newer and each.known and not each.others
        ]
        if files:
            word = f"in {self.folder} already: encoded or appended before"
            raise DataError([Refusal(None, None, f"{_rows_of(name, rows)} {word}") for name, rows in files])
        return frozenset(source for source, each in seen.items() if each.older)

    def _range(self, number: int, buckets: RowBuckets) -> slice:
        each = buckets.count // len(self.encoded.manifest.shards)
        return slice(number * each, (number + 1) * each)

    def _grow(self, number: int, buckets: RowBuckets, rewrite: bool, sharing: frozenset[int]) -> _Grown:
        old, new = self._old_and_new(number, buckets)
        made = append_rows(self.tokenizer, old, self.encoded.left_out(number), new, self.names, rewrite, sharing)
        generation = 1 + _generation(self.encoded.manifest.shards[number])
        entry = write_shard(self.folder, number, made.table, generation)
        left_out = None
        if made.left_out is not None:
            left_out = write_shard(self.folder, number, made.left_out, generation, LEFT_OUT)
        finished = FinishedShard(number, entry, asdict(made.counts), left_out=left_out)
        return _Grown(finished, made.refused, made.older, made.aside, made.newer, made.behind)

    def _old_and_new(self, number: int, buckets: RowBuckets) -> tuple[pa.Table, pa.Table]:
        """The histories of a shard, and the rows that belong to it."""
        place = self._range(number, buckets)
        old, new = self.encoded.table(number), buckets.read(place.start, place.stop)
        assert new is not None
        return old, _as_before(new, old, self.tokenizer)

    def _finish(self, grown: Sequence[_Grown], quarantine: Path, source: RowSource) -> EncodeResult:
        before = self.encoded.manifest
        left_out = before.left_out or (None,) * len(before.shards)
        entries = zip(before.shards, left_out, strict=True)
        finished = {k: FinishedShard(k, entry, {}, left_out=left) for k, (entry, left) in enumerate(entries)}
        finished |= {each.shard.number: each.shard for each in grown}
        listed = [finished[number] for number in sorted(finished)]
        manifest, added = build_manifest(self.tokenizer, self.folder, listed, source.reader, len(self.kept))
        hashes = np.concatenate([np.zeros(0, np.uint64), *(each.aside for each in grown)])
        aside = write_aside(self.folder, before.set_aside, hashes)
        counts = asdict(Counts(**before.counts) + added)
        # rows that were set aside may be given once more, to be rewritten
        appended = before.appended if len(hashes) else (*before.appended, self.appended)
        manifest = replace(manifest, counts=counts, reader=before.reader, set_aside=aside)
        manifest = replace(manifest, appended=appended)
        refused = [*self.kept, *(row for each in grown for row in (*each.refused, *each.older))]
        with Quarantine(quarantine, keep=True) as rows:
            rows.add(locate_rows(source, sort_rows(refused, self.names), self.names))
            rows.flush()
            self.tokenizer.save(self.folder / "tokenizer")
            # from here on the rows are appended, whatever comes
            manifest.save(self.folder)
        written = rows.total > 0
        self._clear(manifest)
        notes = tuple(dict.fromkeys(source.counts.notes))
        return EncodeResult(self.folder, manifest, added, 0, quarantine if written else None, notes)

    def _clear(self, manifest: Manifest) -> None:
        """Remove shard files that the manifest does not name: those of before, or of a run that broke off."""
        named = {self.folder / shard.file for shard in (*manifest.shards, *manifest.left_out)}
        if manifest.set_aside is not None:
            named.add(self.folder / manifest.set_aside.file)
        for path in [path for name in (SHARDS, LEFT_OUT, SET_ASIDE) for path in self.folder.glob(f"{name}/*")]:
            if path not in named:
                path.unlink()


def _rows_of(name: str, rows: int) -> str:
    whole = f"all {rows:,} rows" if rows > 1 else "the one row"
    return f"{whole}{' of ' if name else ''}{name} {'are' if rows > 1 else 'is'}"


def _check_columns(encoded: EncodedFolder, schema: Schema) -> None:
    """Raises `ArtifactError` for shards that lack what appending goes by, as those of earlier versions do."""
    needed = {"sessions": schema.session, "order_by": schema.free_order, "statics": schema.static}
    for name, declared in needed.items():
        if declared and name not in encoded.manifest.columns:
            raise ArtifactError(str(encoded.folder), f"has no column {name!r} in its shards; encode everything again")


def _chosen(encoded: EncodedFolder, tokenizer: DomainTokenizer | None) -> DomainTokenizer:
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


def _as_before(new: pa.Table, old: pa.Table, tokenizer: DomainTokenizer) -> pa.Table:
    """The new rows with the columns that shards keep in the types of the old, and times without a dictionary."""
    schema, time = tokenizer.schema, tokenizer.schema.time
    kinds = {name: old[name].type for name in schema.entity}
    if time is not None and pa.types.is_dictionary(new[time].type):
        kinds[time] = new[time].type.value_type
    if schema.session is not None:
        kinds[schema.session] = old["last_session"].type
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
            new = new.set_column(place, name, new[name].cast(kind))
        except pa.ArrowInvalid as error:
            reason = f"its values are {kind} in the folder, and {to_plain(new[name]).type} here: {error}"
            raise DataError([Refusal(None, name, reason)]) from None
    return new


def _generation(entry: ShardEntry) -> int:
    found = re.search(r"-(\d+)\.arrow$", entry.file)
    return int(found[1]) if found else 0
