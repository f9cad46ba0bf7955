"""Rows of CSV files, cut from pieces of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa

from domaintoolkit.proposal.sampling.byte_pieces import TextPieces, read_head, read_tail
from domaintoolkit.proposal.sampling.dialects import CsvDialect, find_dialect, find_footer
from domaintoolkit.proposal.sampling.encodings_found import decode_pieces, lenient
from domaintoolkit.proposal.sampling.file_headers import check_one_table, join_headers
from domaintoolkit.proposal.sampling.table_sample import (
    ROWS,
    FoundColumn,
    TableSample,
    estimate_total,
    join_chunks,
    make_path,
    settings_of_footers,
)
from domaintoolkit.reading import RefusedRow, SourceFile, open_source
from domaintoolkit.schema import Column, Reader

__all__ = ["sample_csv"]

HEADERS = 400
"""Files whose headers are looked at."""


class _CountedRefusals:
    """Counts the rows that cannot be read, and among them the lines that repeat the header."""

    def __init__(self) -> None:
        self.rows = self.headers = 0

    def add(self, rows: Iterable[RefusedRow]) -> None:
        """Count `rows`."""
        for row in rows:
            is_header = "repeated_header" in row.problems[0][1]
            self.headers += is_header
            self.rows += not is_header


def sample_csv(
    files: tuple[SourceFile, ...], found: Mapping[SourceFile, TextPieces], encoding: str, delimiter: str | None,
    folder: Path,
) -> TableSample:  # fmt: skip
    """The rows of the pieces that were found in some of the files; those are written into `folder` as whole records."""
    # the first file decides the dialect; of others only the headers are compared
    heads = {file: read_head(file, 1 << 16).decode(encoding, errors="ignore") for file in files[1:HEADERS]}
    first = read_head(files[0]).decode(encoding, errors="ignore")
    dialect = find_dialect(first, files[0].name, delimiter)
    others = {file: find_dialect(head, file.name, dialect.delimiter) for file, head in heads.items()}
    tables = {files[0]: dialect, **others}
    if dialect.header:
        check_one_table({file: each.headers for file, each in tables.items()})
    paths, seen = [], []
    footers: dict[str, list[str]] = {}
    for number, (file, own) in enumerate(found.items()):
        footers[file.name] = find_footer(read_tail(file, own).decode(encoding, errors="ignore"), dialect)
        path = make_path(folder, file, number, ".csv")
        pieces = decode_pieces(own.pieces, encoding)
        rows = [pieces[0] if len(pieces) == 1 else _trim(pieces[0], dialect, True)]
        rows += [_trim(piece, dialect, False) for piece in pieces[1:]]
        path.write_bytes("".join(rows).encode(encoding, errors=lenient(encoding)))
        paths.append(str(path))
        seen.append(own.seen)
    headers, aliases = join_headers([each.headers for each in tables.values()])
    settings = dialect.settings | ({} if encoding == "utf-8" else {"encoding": encoding})
    skipped, notes = settings_of_footers(footers)
    settings |= skipped
    # everything is read as text: the types are what is to be found out
    columns = tuple(
        Column(f"{number}", source=header, occurrence=which, optional=dialect.header, aliases=aliases.get(header, ()))
        for number, (header, which, _) in enumerate(headers)
    )
    named = {header for header, _, _ in headers}
    folders = [name for name in files[0].partition if name not in named]
    headers += [(name, None, False) for name in folders]
    columns += tuple(Column(f"{len(columns) + number}", source=name) for number, name in enumerate(folders))
    refused = _CountedRefusals()
    source = open_source(paths, Reader(columns, format="csv", **settings))
    batches = [batch.records for batch in source.batches(refused=refused)]
    if refused.headers:
        settings["repeated_header"] = "skip"
        notes = (*notes, "some lines repeat the header: repeated_header leaves them out")
    columns_read = pa.Table.from_batches(batches, pa.schema([(column.name, pa.string()) for column in columns]))
    table = _limit_rows(columns_read)
    # the part of each file that was looked at, times the part of the files
    share = sum(seen) / len(seen) * len(found) / len(files)
    found_columns = tuple(
        FoundColumn(header, join_chunks(table[number]), which, optional, False, aliases.get(header, ()))
        for number, (header, which, optional) in enumerate(headers)
    )
    total = estimate_total(len(columns_read) + refused.rows, share)
    return TableSample(files, found_columns, settings, tuple(paths), len(table), total, refused.rows, notes)


def _limit_rows(table: pa.Table) -> pa.Table:
    """Runs of rows, spread over the table, so that it has not more than `ROWS`."""
    if len(table) <= ROWS:
        return table
    runs = 64
    size = ROWS // runs
    starts = [(len(table) - size) * number // (runs - 1) for number in range(runs)]
    return pa.concat_tables([table.slice(start, size) for start in starts])


def _trim(text: str, dialect: CsvDialect, is_first: bool) -> str:
    """Whole records of a piece that begins and ends somewhere in a record."""
    start = 0 if is_first else _find_record(text, dialect)
    end = text.rfind("\n") + 1 or text.rfind("\r") + 1
    quote = dialect.quote if isinstance(dialect.quote, str) else None
    if quote is not None and dialect.has_line_breaks:
        # an odd number of quotes: the end is inside a quoted value
        while end > start and text.count(quote, start, end) % 2:
            end = text.rfind("\n", 0, end - 1) + 1
    return text[start:end]


def _find_record(text: str, dialect: CsvDialect) -> int:
    """The first place at which a line of the right number of values begins."""
    start = 0
    for _ in range(60):
        start = text.find("\n", start) + 1
        if not start or not dialect.has_line_breaks:
            return start
        line = text[start : text.find("\n", start)]
        if line.count(dialect.delimiter) >= len(dialect.headers) - 1 and line.count(str(dialect.quote)) % 2 == 0:
            return start
    return start
