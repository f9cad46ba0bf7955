"""`encode` on this machine: any number of rows into an encoded folder, in bounded memory, resumable."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from domaintoolkit.errors import DataError, Interrupted, OutputError, Refusal
from domaintoolkit.jobs.partition.budget import Budget, bucket_count, shard_count
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.jobs.partition.row_buckets import RowBuckets
from domaintoolkit.jobs.partition.row_refusals import (
    RefusalList,
    RefusalLog,
    count_log,
    locate_rows,
    log_path,
    raise_if_all_refused,
    raise_refusals,
    read_logs,
    sort_rows,
    write_quarantine,
)
from domaintoolkit.jobs.partition.row_source import AnyTable, RowSource, find_input_files, open_rows
from domaintoolkit.jobs.partition.shard_writer import ShardWriter, shard_stem
from domaintoolkit.jobs.partition.spill import Partition, Spill, partition
from domaintoolkit.jobs.progress import Progress, silent
from domaintoolkit.jobs.result import EncodeResult, build_manifest, order_notes
from domaintoolkit.reading.refused_rows import KEPT
from domaintoolkit.storage.lock import lock_folder
from domaintoolkit.storage.replacement import continuing
from domaintoolkit.storage.resume_state import (
    REFUSED,
    STATE,
    FinishedShard,
    ResumeState,
    can_continue,
    check_free,
    check_unchanged,
    discard,
    identify,
    make_spill,
    spill_folder,
)
from domaintoolkit.storage.shards import read_shard
from domaintoolkit.tokenizer import DomainTokenizer, OnBadRows
from domaintoolkit.util.collector import collect_seldom
from domaintoolkit.util.threads import Threads

__all__ = ["encode"]

READING = "reading"
"""The name of the log of the rows that were refused in reading."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run; only `shards` and `on_bad_rows` show in the output."""

    budget: Budget
    temporary: Path | None
    shards: int | None
    on_bad_rows: OnBadRows
    quarantine: Path
    progress: Progress


def encode(
    tokenizer: DomainTokenizer,
    source: RowSource | AnyTable,
    out: str | Path,
    *,
    memory: str | int = "2GB",
    threads: int | None = None,
    temporary: str | Path | None = None,
    shards: int | None = None,
    on_bad_rows: OnBadRows = "error",
    quarantine: str | Path | None = None,
    progress: Progress | None = None,
) -> EncodeResult:
    """Encode all rows of `source` (files from `open_source`, or a table) into the folder `out`.

    The work stays within about `memory`; rows beyond it go to files in a folder below `temporary` (default:
    `out` itself). The same call continues an interrupted one; `out` may hold nothing else. Refused rows raise
    one `DataError`, or with `on_bad_rows="quarantine"` go to the file `quarantine` (default: `quarantine.csv` in
    `out`). `shards` is the number of files for the streams (default: up to four, more from four million rows on).
    """
    folder = Path(out)
    options = Options(
        Budget.of(memory, threads),
        None if temporary is None else Path(temporary),
        shards,
        on_bad_rows,
        folder / "quarantine.csv" if quarantine is None else Path(quarantine),
        progress or silent,
    )
    with lock_folder(folder), collect_seldom():
        return _Encoding(tokenizer, open_rows(source, tokenizer.schema), folder, options).run()


class _Encoding:
    """One run; its progress is in `state`, on disk as well."""

    def __init__(self, tokenizer: DomainTokenizer, source: RowSource, folder: Path, options: Options) -> None:
        self.tokenizer, self.source, self.folder, self.options = tokenizer, source, folder, options
        self.state = ResumeState(
            find_input_files(source), None, {"shards": options.shards, "on_bad_rows": options.on_bad_rows}
        )
        self.refused = RefusalList(KEPT)
        """The first rows that reading refused, if any is an error."""
        self.notes: tuple[str, ...] = ()

    def run(self) -> EncodeResult:
        resumed = self._resume() if check_free(self.folder) else 0
        try:
            rows = self._reopen() or self._read()
            self._encode_shards(rows)
            return self._finish(resumed, rows.sources)
        except BaseException as error:
            self._discard_if_useless(error)
            if isinstance(error, OutputError):
                raise OutputError(error.path, f"{error.reason}; {self._resumable()}") from None
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted(f"interrupted; {self._resumable()}") from None
            raise

    def _discard_if_useless(self, error: BaseException) -> None:
        """Remove all that was written if no later run can continue from it, so that any other can use the folder.

        That is so until all rows are read, and after refused rows: the files with these have to change first.
        """
        if not self.state.shards or isinstance(error, DataError):
            with suppress(OSError):  # the first error is the one to report
                self._remove_spill(self.state)
                discard(self.folder)

    def _resumable(self) -> str:
        if not self.state.shards:
            return "no shard is finished yet; run the same command again"
        done = len(self.state.finished)
        return f"{done} of {self.state.shards} shards are finished; run the same command again to continue"

    def _resume(self) -> int:
        """The number of shards that an earlier run finished; each is compared with its checksum."""
        old = ResumeState.load(self.folder)
        current = self.state
        if old.shards:
            inputs = find_input_files(self.source, checksum=True)
            current = replace(current, inputs=inputs, tokenizer=identify(self.tokenizer))
        with continuing():
            if not can_continue(self.folder, old, current):
                self._remove_spill(old)
                discard(self.folder)
                return 0
            for entry in (entry for shard in old.finished for entry in shard.files):
                read_shard(self.folder, entry)
        whole = tuple(shard for shard in old.finished if self._has_log(shard))
        self.state = replace(old, finished=whole)
        return len(whole)

    def _has_log(self, shard: FinishedShard) -> bool:
        """Return True if the refused rows of a shard are there; a run that was almost done may have removed them."""
        return not shard.counts["rows_refused"] or log_path(self.folder, shard_stem(shard.number)).exists()

    def _reopen(self) -> Partition | None:
        """The partition that an earlier run left on disk, if it is whole."""
        if self.state.spill is not None:
            found = RowBuckets.open(Path(self.state.spill), self.state.pieces)
            if found is not None and count_log(self.folder, READING) == self.state.rows["refused"]:
                self.notes = tuple(self.state.rows["notes"])
                return Partition(found, int(found.rows.sum()), self.state.rows["sources"], Path(self.state.spill))
        return None

    def _read(self) -> Partition:
        """Partition the rows; meanwhile another thread prepares the tokenizer and takes the files' checksums."""
        self._remove_spill(self.state)
        options, known = self.options, self.state.shards
        # in quarantine the rows are kept in a file, since a resumed run needs them again
        kept = self.refused if options.on_bad_rows == "error" else RefusalLog(self.folder, READING)
        buckets = bucket_count(known or options.shards)
        place = spill_folder(self.folder, options.temporary)
        # saved before the files are written, so that the next run finds and removes them
        self.state = replace(self.state, spill=str(place))
        self.state.save(self.folder)
        make_spill(place)
        spill = Spill(place, EntityKeys.of(self.tokenizer), buckets, options.budget)
        with Threads(1) as helper, ExitStack() as log:
            if isinstance(kept, RefusalLog):
                log.enter_context(kept)
            preparing = helper.submit(self._prepare, not known)
            checking = helper.submit(find_input_files, self.source, True)
            rows = partition(self.source, self.tokenizer.schema, spill, options.progress, refused=kept)
            identity = preparing.result()
            inputs = checking.result()
            # a file that changed while it was read would give other rows to a resumed run
            check_unchanged(self.folder, self.state.inputs, find_input_files(self.source))
        if not rows.rows and not kept.rows:
            raise DataError([Refusal(None, None, "there are no rows to encode")])
        self.notes = (*dict.fromkeys(self.source.counts.notes), *order_notes(self.tokenizer.schema))
        self.state = replace(
            self.state,
            inputs=inputs,
            tokenizer=identity,
            shards=known or options.shards or shard_count(rows.rows),
            rows={
                "rows_in": rows.rows + kept.rows,
                "sources": rows.sources,
                "refused": kept.rows,
                "notes": list(self.notes),
            },
            pieces=tuple(rows.buckets.sizes),
        )
        self.state.save(self.folder)
        return rows

    def _prepare(self, save: bool) -> str:
        """Save the tokenizer, build the tables that it encodes with, and give its identity: none of it needs rows."""
        if save:
            self.tokenizer.save(self.folder / "tokenizer")
        _ = self.tokenizer.layout.bound
        return identify(self.tokenizer)

    def _encode_shards(self, rows: Partition) -> None:
        finished = {shard.number for shard in self.state.finished}
        todo = [number for number in range(self.state.shards) if number not in finished]
        bad, budget = RefusalList(KEPT), self.options.budget
        # parts and shards have threads of their own: a shard waits for its parts, so one pool could block itself
        with Threads(budget.threads) as parts, Threads(budget.threads) as workers:
            work = ShardWriter(self.tokenizer, rows, self.folder, self.state.shards, budget, parts)
            strict = self.options.on_bad_rows == "error"
            work.check_only = strict and bool(self.refused)
            for shard, refused in workers.map_as_completed(work.write, todo):
                if strict and (bad or refused or self.refused):
                    bad.add_unordered(refused, rows.sources)
                    work.check_only = True
                    continue
                self.state = self.state.with_shard(shard)
                self.state.save(self.folder)
                self.options.progress("encoding", len(self.state.finished), self.state.shards)
        if strict:
            first = sort_rows([*self.refused, *bad], rows.sources)[:KEPT]
            problems = self.refused.problems + bad.problems
            raise_refusals(list(locate_rows(self.source, first, rows.sources)), rows.sources, problems)

    def _finish(self, resumed: int, sources: list[str]) -> EncodeResult:
        state = self.state
        logs = [READING, *(shard_stem(shard.number) for shard in state.finished)]
        refused = locate_rows(self.source, read_logs(self.folder, logs, sources), sources)
        manifest, counts = build_manifest(
            self.tokenizer, self.folder, state.finished, self.source.reader, state.rows["refused"]
        )
        if counts.rows_refused == counts.rows_in:
            raise_if_all_refused(refused, counts.rows_refused, counts.rows_in)
        written = write_quarantine(self.options.quarantine, refused)
        manifest.save(self.folder)
        self._remove_spill(self.state)
        shutil.rmtree(self.folder / REFUSED, ignore_errors=True)
        (self.folder / STATE).unlink()
        path = self.options.quarantine if written else None
        return EncodeResult(self.folder, manifest, counts, resumed, path, self.notes)

    def _remove_spill(self, state: ResumeState) -> None:
        if state.spill is not None:
            shutil.rmtree(state.spill, ignore_errors=True)
