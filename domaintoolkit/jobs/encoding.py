"""`encode` on this machine: any amount of rows into an encoded folder, in bounded memory, resumable."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from domaintoolkit.errors import DataError, Interrupted, OutputError, Refusal
from domaintoolkit.jobs.partition.budget import Budget, bucket_count, parse_bytes, shard_count
from domaintoolkit.jobs.partition.input import Input, TableInput, input_files, tables, wanted_columns
from domaintoolkit.jobs.partition.row_refusals import (
    Kept,
    Logged,
    count_logged,
    in_file_order,
    located,
    logged_rows,
    raise_refused,
    refused_path,
    write_quarantine,
)
from domaintoolkit.jobs.partition.shard import ShardWork, shard_stem
from domaintoolkit.jobs.partition.spill import Buckets, Spill
from domaintoolkit.jobs.progress import Progress, silent
from domaintoolkit.jobs.result import EncodeResult, build_manifest
from domaintoolkit.reading.refused_rows import KEPT
from domaintoolkit.storage.lock import locked
from domaintoolkit.storage.resume_state import (
    REFUSED,
    STATE,
    FinishedShard,
    State,
    check_free,
    check_unchanged,
    discard,
    identity,
    same_run,
)
from domaintoolkit.storage.shards import read_shard
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.collector import seldom_collected
from domaintoolkit.util.threads import Threads

__all__ = ["encode"]

READING = "reading"
"""What the file of the rows that were refused in reading is called."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run; only `shards` and `on_bad_rows` show in the output."""

    memory: int
    threads: int
    temporary: Path | None
    shards: int | None
    on_bad_rows: Literal["error", "quarantine"]
    quarantine: Path
    progress: Progress


def encode(
    tokenizer: DomainTokenizer,
    source: Any,
    out: str | Path,
    *,
    memory: str | int = "2GB",
    threads: int | None = None,
    temporary: str | Path | None = None,
    shards: int | None = None,
    on_bad_rows: Literal["error", "quarantine"] = "error",
    quarantine: str | Path | None = None,
    progress: Progress | None = None,
) -> EncodeResult:
    """Encode all rows of `source` (files from `open_source`, or a table) into the folder `out`.

    The work stays within about `memory`; rows beyond it go to files in a folder below `temporary` (left out:
    `out` itself). The same call continues an interrupted one; `out` may hold nothing else. Refused rows raise
    one `DataError`, or with `quarantine` go to that file (left out: `quarantine.csv` in `out`). `shards` is
    how many files the streams are cut into (left out: up to four, and more from four million rows on).
    """
    folder = Path(out)
    options = Options(
        parse_bytes(memory),
        threads or os.cpu_count() or 1,
        None if temporary is None else Path(temporary),
        shards,
        on_bad_rows,
        folder / "quarantine.csv" if quarantine is None else Path(quarantine),
        progress or silent,
    )
    rows: Input = source if hasattr(source, "batches") else TableInput(source)
    with locked(folder), seldom_collected():
        return _Encoding(tokenizer, rows, folder, options).run()


class _Encoding:
    """One run; what it has done so far is in `state`, on disk as well."""

    def __init__(self, tokenizer: DomainTokenizer, source: Input, folder: Path, options: Options) -> None:
        self.tokenizer, self.source, self.folder, self.options = tokenizer, source, folder, options
        self.budget = Budget(options.memory, options.threads)
        self.state = State(input_files(source), identity(tokenizer), self._chosen())
        self.names: list[str] = []
        self.refused = Kept(KEPT)
        """The first rows that were refused, where any is an error."""
        self.notes: tuple[str, ...] = ()

    def _chosen(self) -> dict[str, Any]:
        return {"shards": self.options.shards, "on_bad_rows": self.options.on_bad_rows}

    def run(self) -> EncodeResult:
        resumed = self._resume() if check_free(self.folder) else 0
        try:
            buckets = self._parted()
            self._encode_shards(buckets)
            return self._finish(resumed)
        except DataError:
            # no shard of rows that are refused is of use: their files have to change first
            self._clean()
            discard(self.folder)
            raise
        except OutputError as error:
            raise OutputError(error.path, f"{error.reason}; {self._resumable()}") from None
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted; {self._resumable()}") from None

    def _resumable(self) -> str:
        done = len(self.state.finished)
        word = f"{done} of {self.state.shards} shards are finished" if self.state.shards else "no shard is finished yet"
        return f"{word}; run the same command again to continue"

    def _resume(self) -> int:
        """How many shards an earlier run has finished; each is compared with its checksum."""
        old = State.load(self.folder)
        current = replace(self.state, inputs=input_files(self.source, checksum=bool(old.shards)))
        if not same_run(self.folder, old, current):
            self._remove_spill(old)
            discard(self.folder)
            return 0
        for entry in (entry for shard in old.finished for entry in shard.files):
            read_shard(self.folder, entry)
        whole = tuple(shard for shard in old.finished if self._keeps_refused(shard))
        self.state = replace(old, finished=whole)
        return len(whole)

    def _keeps_refused(self, shard: FinishedShard) -> bool:
        """Whether the rows that a shard refused are there; a run that was all but done may have removed them."""
        return not shard.counts["rows_refused"] or refused_path(self.folder, shard_stem(shard.number)).exists()

    def _parted(self) -> Buckets:
        """All rows by bucket: those that an earlier run has left on disk, or read anew."""
        if self.state.spill is not None:
            found = Buckets.open(Path(self.state.spill), self.state.pieces)
            if found is not None and count_logged(self.folder, READING) == self.state.rows["refused"]:
                self.names = self.state.rows["sources"]
                self.notes = tuple(self.state.rows["notes"])
                return found
        self._remove_spill(self.state)
        return self._read()

    def _read(self) -> Buckets:
        schema, options = self.tokenizer.schema, self.options
        known = self.state.shards
        kept = self.refused if options.on_bad_rows == "error" else Logged(self.folder, READING)
        spill = Spill(
            self._spill_folder(),
            schema.entity,
            bucket_count(known or options.shards),
            self.budget.held_bytes,
            options.threads,
            self.tokenizer.types,
        )
        self.state = replace(self.state, spill=str(spill.folder))
        self.state.save(self.folder)
        with Threads(1) as helper, closing(spill), ExitStack() as log:
            if isinstance(kept, Logged):
                log.enter_context(kept)
            prepared = helper.submit(self._prepare, not known)
            checked = helper.submit(input_files, self.source, True)
            columns = wanted_columns(schema, self.source)
            for table in tables(self.source, columns, kept, options.threads, self.names):
                spill.add(table)
                options.progress("reading", spill.rows, None)
            buckets = spill.finish()
            prepared.result()
            inputs = checked.result()
            check_unchanged(self.folder, self.state.inputs, input_files(self.source))
        if not spill.rows and not kept.rows:
            raise DataError([Refusal(None, None, "there are no rows to encode")])
        self.notes = tuple(dict.fromkeys(self.source.counts.notes))
        rows = {
            "rows_in": spill.rows + kept.rows, "sources": self.names,
            "refused": kept.rows, "notes": list(self.notes),
        }  # fmt: skip
        shards = known or options.shards or shard_count(spill.rows)
        self.state = replace(self.state, inputs=inputs, shards=shards, rows=rows, pieces=tuple(buckets.sizes))
        self.state.save(self.folder)
        return buckets

    def _prepare(self, save: bool) -> None:
        """What needs no rows: the tokenizer's files, and the tables that it encodes with."""
        if save:
            self.tokenizer.save(self.folder / "tokenizer")
        _ = self.tokenizer.layout.bound

    def _spill_folder(self) -> Path:
        if self.options.temporary is None:
            return self.folder / "parted"
        try:
            self.options.temporary.mkdir(parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(prefix="domaintoolkit-", dir=self.options.temporary))
        except OSError as error:
            raise OutputError(str(self.options.temporary), error.strerror or str(error)) from None

    def _encode_shards(self, buckets: Buckets) -> None:
        finished = {shard.number for shard in self.state.finished}
        todo = [number for number in range(self.state.shards) if number not in finished]
        bad, threads = Kept(KEPT), self.options.threads
        with Threads(threads) as parts, Threads(threads) as workers:
            work = ShardWork(self.tokenizer, buckets, self.folder, self.state.shards, self.budget, self.names, parts)
            strict = self.options.on_bad_rows == "error"
            work.check_only = strict and bool(self.refused)
            for shard, refused in workers.map_as_completed(work.write, todo):
                if strict and (bad or refused or self.refused):
                    bad.add_unordered(refused, self.names)
                    work.check_only = True
                    continue
                self.state = self.state.with_shard(shard)
                self.state.save(self.folder)
                self.options.progress("encoding", len(self.state.finished), self.state.shards)
        if strict:
            first = in_file_order([*self.refused, *bad], self.names)[:KEPT]
            problems = self.refused.problems + bad.problems
            raise_refused(list(located(self.source, first, self.names)), self.names, problems)

    def _finish(self, resumed: int) -> EncodeResult:
        state = self.state
        logs = [READING, *(shard_stem(shard.number) for shard in state.finished)]
        refused = located(self.source, logged_rows(self.folder, logs, self.names), self.names)
        reader = getattr(self.source, "reader", None)
        manifest, counts = build_manifest(self.tokenizer, self.folder, state.finished, reader, state.rows["refused"])
        written = write_quarantine(self.options.quarantine, refused)
        manifest.save(self.folder)
        self._clean()
        shutil.rmtree(self.folder / REFUSED, ignore_errors=True)
        (self.folder / STATE).unlink()
        path = self.options.quarantine if written else None
        return EncodeResult(self.folder, manifest, counts, resumed, path, self.notes)

    def _clean(self) -> None:
        self._remove_spill(self.state)

    def _remove_spill(self, state: State) -> None:
        if state.spill is not None:
            shutil.rmtree(state.spill, ignore_errors=True)
