"""`verify`: compare an encoded folder with the rows it was made of, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from domaintoolkit.jobs.appending.set_aside_rows import drop_rows, read_hashes
from domaintoolkit.jobs.decoding import folder_tokenizer
from domaintoolkit.jobs.histories.row_comparison import Comparison, PartReport
from domaintoolkit.jobs.partition.budget import Budget, bucket_count
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.jobs.partition.row_buckets import RowBuckets
from domaintoolkit.jobs.partition.row_refusals import RefusalList
from domaintoolkit.jobs.partition.row_source import AnyTable, RowSource, open_rows
from domaintoolkit.jobs.partition.spill import Partition, Spill, partition
from domaintoolkit.jobs.progress import Progress, silent
from domaintoolkit.storage import EncodedFolder, open_encoded
from domaintoolkit.storage.readme import README, is_readme_whole
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.temporary import temporary_folder

__all__ = ["VerifyResult", "verify"]


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """The result of comparing a folder with its rows."""

    report: PartReport
    rows_in: int
    rows_refused: int
    """Also those that were set aside."""
    rows_set_aside: int
    """Rows that appending found older than their histories, or in conflict with them, which the folder remembers."""
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """True if everything is as the contracts say."""
        return not self.problems


def verify(
    folder: str | Path,
    source: RowSource | AnyTable,
    *,
    memory: str | int = "2GB",
    threads: int | None = None,
    temporary: str | Path | None = None,
    progress: Progress | None = None,
) -> VerifyResult:
    """Prove that `folder` holds the rows of `source` (files from `open_source`, or a table), and that they come back.

    Every shard is compared with its checksum. The rows are encoded again, and compared with the streams; the
    streams are decoded, and compared value by value with the rows; the decoded rows are encoded, and compared with
    the streams. Rows that cannot be encoded, and those that appending set aside, are counted. Raises
    `ArtifactError` for a damaged folder.
    """
    encoded = open_encoded(folder)
    budget = Budget.of(memory, threads)
    with temporary_folder(temporary) as spill:
        tokenizer = folder_tokenizer(encoded)
        rows = open_rows(source, tokenizer.schema)
        return _Verification(encoded, tokenizer, rows, budget, progress or silent).run(spill)


class _Verification:
    """One run over all shards."""

    def __init__(
        self,
        folder: EncodedFolder,
        tokenizer: DomainTokenizer,
        source: RowSource,
        budget: Budget,
        progress: Progress,
    ) -> None:
        self.folder, self.source, self.budget, self.progress = folder, source, budget, progress
        self.tokenizer = tokenizer
        self.shards = len(folder.manifest.shards)
        self.refused = RefusalList(0)

    def run(self, spill: Path) -> VerifyResult:
        rows = self._partition(spill)
        rows_in = rows.rows + self.refused.rows
        comparison = Comparison(self.tokenizer)
        report = PartReport.empty(self.tokenizer.schema)
        hashes, set_aside = read_hashes(self.folder.folder, self.folder.manifest.set_aside), 0
        for number in range(self.shards):
            stored, left_out = self.folder.table(number), self.folder.left_out(number)
            # histories that no row has accounted for yet
            unknown = stored.num_rows + (0 if left_out is None else left_out.num_rows)
            for part in self._read_parts(rows.buckets, number):
                kept = drop_rows(self.tokenizer, part, hashes)
                set_aside += len(part) - len(kept)
                made = comparison.compare(kept, stored, left_out)
                unknown -= made.streams + made.left_out
                report += made
            report = replace(report, unknown=report.unknown + unknown)
            self.progress("verifying", number + 1, self.shards)
        rows_refused = self.refused.rows + report.rows_refused + set_aside
        found = {"rows_in": rows_in, "rows_refused": rows_refused, "rows_left_out": report.counts.rows_left_out}
        return VerifyResult(report, rows_in, rows_refused, set_aside, tuple(self._problems(report, found)))

    def _partition(self, folder: Path) -> Partition:
        spill = Spill(folder, EntityKeys.of(self.tokenizer), bucket_count(self.shards), self.budget)
        return partition(self.source, self.tokenizer.schema, spill, self.progress, refused=self.refused)

    def _read_parts(self, buckets: RowBuckets, number: int) -> Iterator[pa.Table]:
        each = buckets.count // self.shards
        ranges = buckets.ranges(number * each, (number + 1) * each, self.budget.unit_rows)
        found = (buckets.read(low, high) for low, high in ranges)
        return (part for part in found if part is not None)

    def _problems(self, report: PartReport, found: dict[str, int]) -> Iterator[str]:
        if not is_readme_whole(self.folder.folder, self.folder.manifest.readme):
            yield f"{README}: it is not the page that encode wrote"
        counts = self.folder.manifest.counts
        for what, number in found.items():
            if number != counts[what]:
                word = what.replace("_", " ")
                yield f"{word}: the files have {number:,}, the folder was made of {counts[what]:,}"
        yield from report.problems()
