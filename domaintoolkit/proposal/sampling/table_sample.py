"""`TableSample`: rows spread over all of the given files, as columns of text or of the files' own types."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from domaintoolkit.errors import SourceError
from domaintoolkit.proposal.sampling.byte_pieces import BUDGET, read_head, take_pieces
from domaintoolkit.proposal.sampling.dialects import CsvDialect, find_dialect
from domaintoolkit.proposal.sampling.encodings_found import decode_pieces, find_encoding, lenient
from domaintoolkit.proposal.sampling.json_columns import json_columns
from domaintoolkit.reading import RefusedRow, SourceFile, find_files, open_source
from domaintoolkit.reading.formats.excel import open_sheet
from domaintoolkit.schema import Column, Reader

__all__ = ["FoundColumn", "TableSample", "take_sample"]

FILES = 12
"""Files whose rows are looked at; of more files, those that are spread over all."""

HEADERS = 400
"""Files whose headers are looked at."""

ROWS = 150_000
"""Rows that are looked at."""

ALIKE = 0.5
"""Files are of one table if they share at least this part of their columns."""


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column of the files, with the values that were looked at; null is what the files say is null."""

    header: str
    values: pa.Array
    occurrence: int | None = None
    """The number of the column among those with its header, if there are several."""
    is_optional: bool = False
    """True if some of the files do not have it."""
    is_list: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def is_typed(self) -> bool:
        """True if the files say of which type the values are."""
        return not pa.types.is_string(self.values.type)


@dataclass(frozen=True)
class TableSample:
    """The rows that were looked at; `settings` are those of the reader, and `folder` holds these rows as files."""

    files: tuple[SourceFile, ...]
    columns: tuple[FoundColumn, ...]
    settings: dict[str, Any]
    paths: tuple[str, ...]
    rows: int
    total: int
    """About how many rows the files have."""
    refused: int = 0
    """Rows that were looked at and cannot be read, whatever the columns are."""
    notes: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """True if all rows were looked at."""
        return self.rows + self.refused >= self.total


@contextmanager
def take_sample(
    paths: Sequence[str], encoding: str | None = None, delimiter: str | None = None
) -> Iterator[TableSample]:
    """Rows of the files that `paths` name; the files with these rows are there as long as the block runs."""
    files, encoding = _find(paths, encoding)
    full = tuple(file for file in files if file.kind != "empty")
    kinds = {_kind(file) for file in full}
    if len(kinds) > 1:
        raise SourceError(", ".join(paths[:3]), f"files of several kinds ({', '.join(sorted(kinds))}); give one kind")
    with tempfile.TemporaryDirectory(prefix="domaintoolkit-") as folder:
        kind = kinds.pop()
        if kind == "csv":
            sample = _csv_sample(full, encoding, delimiter, Path(folder))
        elif kind == "json lines":
            sample = _json_sample(full, encoding, Path(folder))
        elif kind == "excel":
            sample = _excel_sample(full)
        else:
            sample = _columnar_sample(full, Path(folder))
        if not sample.rows:
            raise SourceError(full[0].name, "has no rows to look at")
        yield sample


def _find(paths: Sequence[str], encoding: str | None) -> tuple[tuple[SourceFile, ...], str]:
    if encoding is not None:
        return find_files(paths, "auto", encoding), encoding
    try:
        files = find_files(paths)
    except SourceError as error:
        if "UTF-16" not in str(error) and "NUL" not in str(error):
            raise
        return _find_wide(paths, error)
    text = [file for file in files if file.kind in ("csv", "json lines")]
    found = Counter(find_encoding(read_head(file)) for file in _spread(text, 8))
    others = [name for name in found if name != "utf-8"]
    name = others[0] if others else "utf-8"
    return (files, name) if name == "utf-8" else (find_files(paths, "auto", name), name)


def _find_wide(paths: Sequence[str], error: SourceError) -> tuple[tuple[SourceFile, ...], str]:
    """Files of UTF-16 or UTF-32, which look like binary data; raises `error` if they are not text in these either."""
    for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        try:
            files = find_files(paths, "auto", name)
            if find_encoding(read_head(files[0])) == name:
                return files, name
        except (SourceError, UnicodeError):
            continue
    raise error


def _kind(file: SourceFile) -> str:
    return "arrow" if file.kind == "arrow stream" else file.kind


def _spread(files: Sequence[SourceFile], most: int) -> list[SourceFile]:
    if len(files) <= most:
        return list(files)
    return [files[number * (len(files) - 1) // (most - 1)] for number in range(most)]


class _CountedRefusals:
    """Counts the rows that cannot be read."""

    def __init__(self) -> None:
        self.rows = 0

    def add(self, rows: Iterable[RefusedRow]) -> None:
        """Count `rows`."""
        self.rows += sum(1 for _ in rows)


def _csv_sample(files: tuple[SourceFile, ...], encoding: str, delimiter: str | None, folder: Path) -> TableSample:
    heads = {file: read_head(file, 1 << 16).decode(encoding, errors="ignore") for file in files[1:HEADERS]}
    first = read_head(files[0]).decode(encoding, errors="ignore")
    dialect = find_dialect(first, files[0].name, delimiter)
    others = {file: find_dialect(head, file.name, dialect.delimiter) for file, head in heads.items()}
    tables = {files[0]: dialect, **others}
    same, notes = _of_one_table({file: found.headers for file, found in tables.items()}, dialect.header)
    paths, seen = [], []
    chosen = _spread([file for file in files if file not in tables or file in same], FILES)
    for number, file in enumerate(chosen):
        found = take_pieces(file, BUDGET // len(chosen))
        path = _place(folder, file, number, ".csv")
        pieces = decode_pieces(found.pieces, encoding)
        rows = [pieces[0] if len(pieces) == 1 else _trimmed(pieces[0], dialect, True)]
        rows += [_trimmed(piece, dialect, False) for piece in pieces[1:]]
        path.write_bytes("".join(rows).encode(encoding, errors=lenient(encoding)))
        paths.append(str(path))
        seen.append(found.seen)
    headers, aliases = _all_headers([found.headers for file, found in tables.items() if file in same])
    settings = dialect.settings | ({} if encoding == "utf-8" else {"encoding": encoding})
    columns = tuple(
        Column(f"{number}", source=header, occurrence=which, optional=dialect.header, aliases=aliases.get(header, ()))
        for number, (header, which, _) in enumerate(headers)
    )
    own = {header for header, _, _ in headers}
    folders = [name for name in files[0].partition if name not in own]
    headers += [(name, None, False) for name in folders]
    columns += tuple(Column(f"{len(columns) + number}", source=name) for number, name in enumerate(folders))
    refused = _CountedRefusals()
    source = open_source(paths, Reader(columns, format="csv", **settings))
    batches = [batch.records for batch in source.batches(refused=refused)]
    columns_read = pa.Table.from_batches(batches, pa.schema([(column.name, pa.string()) for column in columns]))
    table = _at_most(columns_read)
    # the part of each file that was looked at, times the part of the files
    share = sum(seen) / len(seen) * len(chosen) / len(files)
    found_columns = tuple(
        FoundColumn(header, _whole(table[number]), which, optional, False, aliases.get(header, ()))
        for number, (header, which, optional) in enumerate(headers)
    )
    total = _total(len(columns_read) + refused.rows, share)
    return TableSample(files, found_columns, settings, tuple(paths), len(table), total, refused.rows, notes)


def _total(rows: int, share: float) -> int:
    return rows if share >= 1 else round(rows / max(share, 1e-9))


def _at_most(table: pa.Table) -> pa.Table:
    """Runs of rows, spread over the table, so that it has not more than `ROWS`."""
    if len(table) <= ROWS:
        return table
    runs = 64
    size = ROWS // runs
    starts = [(len(table) - size) * number // (runs - 1) for number in range(runs)]
    return pa.concat_tables([table.slice(start, size) for start in starts])


def _whole(column: pa.ChunkedArray) -> pa.Array:
    made = column.combine_chunks()
    return made if isinstance(made, pa.Array) else pa.concat_arrays(made.chunks)


def _trimmed(text: str, dialect: CsvDialect, is_first: bool) -> str:
    """Whole records of a piece that begins and ends somewhere in a record."""
    start = 0 if is_first else _record_start(text, dialect)
    end = text.rfind("\n") + 1 or text.rfind("\r") + 1
    quote = dialect.quote if isinstance(dialect.quote, str) else None
    if quote is not None and dialect.has_line_breaks:
        # an odd number of quotes: the end is inside a quoted value
        while end > start and text.count(quote, start, end) % 2:
            end = text.rfind("\n", 0, end - 1) + 1
    return text[start:end]


def _record_start(text: str, dialect: CsvDialect) -> int:
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


def _place(folder: Path, file: SourceFile, number: int, suffix: str) -> Path:
    """A path for the rows of a file, below folders that give the same columns."""
    parts = [part for part in file.path.parent.parts if "=" in part]
    path = folder.joinpath(f"{number}", *parts, f"rows{suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _of_one_table(
    headers: dict[SourceFile, tuple[str, ...]], is_named: bool
) -> tuple[set[SourceFile], tuple[str, ...]]:
    """The files that have most of their columns in common with the others, and a note on those that have not."""
    if not is_named or len(headers) == 1:
        return set(headers), ()
    groups: list[tuple[set[str], list[SourceFile]]] = []
    for file, names in headers.items():
        plain = {_plain(name) for name in names}
        for known, members in groups:
            if len(plain & known) >= ALIKE * min(len(plain), len(known)) and len(plain & known) > 1:
                known |= plain
                members.append(file)
                break
        else:
            groups.append((plain, [file]))
    if len(groups) == 1:
        return set(headers), ()
    listed = "; ".join(f"{members[0].name} has {', '.join(list(headers[members[0]])[:6])}" for _, members in groups[:4])
    raise SourceError(
        f"{len(headers)} files",
        f"they are of {len(groups)} tables, which share too few columns: {listed}. Give the files of the table with "
        "the events, or join the others to it first",
    )


def _plain(header: str) -> str:
    return "".join(character for character in header.casefold() if character.isalnum()) or header


def _all_headers(
    lists: Sequence[tuple[str, ...]],
) -> tuple[list[tuple[str, int | None, bool]], dict[str, tuple[str, ...]]]:
    """The headers of all files, in order: with the number of a repeated one, and if it is optional; and aliases."""
    spelled: dict[str, dict[str, None]] = {}
    for names in lists:
        for name in names:
            spelled.setdefault(_plain(name), {})[name] = None
    together = {name for names in lists for plain in spelled for name in spelled[plain]
                if sum(other in names for other in spelled[plain]) > 1}  # fmt: skip
    first: dict[str, str] = {}
    aliases: dict[str, tuple[str, ...]] = {}
    for names_of in spelled.values():
        apart = [name for name in names_of if name not in together]
        if len(apart) > 1:
            aliases[apart[0]] = tuple(apart[1:])
            first |= dict.fromkeys(apart[1:], apart[0])
    found: dict[tuple[str, int], None] = {}
    counts: Counter[tuple[str, int]] = Counter()
    for names in lists:
        times: Counter[str] = Counter()
        for raw in names:
            name = first.get(raw, raw)
            times[name] += 1
            found[(name, times[name])] = None
            counts[(name, times[name])] += 1
    repeated = {name for name, number in found if number > 1}
    return [
        (name, number if name in repeated else None, counts[(name, number)] < len(lists)) for name, number in found
    ], aliases


def _json_sample(files: tuple[SourceFile, ...], encoding: str, folder: Path) -> TableSample:
    chosen = _spread(files, FILES)
    lines: list[str] = []
    paths, seen = [], []
    for number, file in enumerate(chosen):
        found = take_pieces(file, BUDGET // len(chosen))
        pieces = decode_pieces(found.pieces, encoding)
        if len(pieces) > 1:
            pieces = [
                piece[(piece.find("\n") + 1) * bool(place) : piece.rfind("\n") + 1]
                for place, piece in enumerate(pieces)
            ]
        path = _place(folder, file, number, ".jsonl")
        text = "".join(pieces)
        path.write_bytes(text.encode(encoding, errors=lenient(encoding)))
        paths.append(str(path))
        seen.append(found.seen)
        lines += [line for line in text.split("\n") if line.strip()]
    objects, wrong = [], 0
    for line in lines[:: max(1, -(-len(lines) // ROWS))]:
        try:
            # numbers as they are written, since their spelling decides what they are
            value = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
        except (json.JSONDecodeError, RecursionError):
            value = None
        if isinstance(value, dict):
            objects.append(value)
        else:
            wrong += 1
    columns = tuple(FoundColumn(path, values, is_list=is_list) for path, values, is_list in json_columns(objects))
    share = sum(seen) / len(seen) * len(chosen) / len(files)
    settings = {} if encoding == "utf-8" else {"encoding": encoding}
    return TableSample(
        files, columns, settings, tuple(paths), len(objects), _total(len(lines), share), wrong
    )  # fmt: skip


def _excel_sample(files: tuple[SourceFile, ...]) -> TableSample:
    rows: list[tuple[Any, ...]] = []
    notes: list[str] = []
    for file in files[:FILES]:
        with open_sheet(file, Reader((Column("any"),))) as sheet:
            notes += sheet.notes
            for block in sheet.blocks():
                rows += [cells for _, cells in block]
                if len(rows) > ROWS:
                    break
    widths = Counter(sum(cell is not None for cell in row) for row in rows[:200])
    width = max(widths, key=lambda each: (widths[each], each)) if widths else 0
    skip = next((number for number, row in enumerate(rows) if sum(c is not None for c in row) >= width), 0)
    headers = ["" if cell is None else str(cell) for cell in rows[skip]] if rows else []
    while headers and not headers[-1]:
        headers.pop()
    body = rows[skip + 1 :]
    columns = []
    for place, header in enumerate(headers):
        cells = [row[place] if place < len(row) else None for row in body]
        columns.append(FoundColumn(header, _cells(cells), _which(headers, place)))
    settings = {"skip": skip} if skip else {}
    paths = tuple(str(file.path) for file in files)
    return TableSample(files, tuple(columns), settings, paths, len(body), len(body), 0, tuple(notes))


def _which(headers: Sequence[str], place: int) -> int | None:
    return None if headers.count(headers[place]) == 1 else headers[: place + 1].count(headers[place])


def _cells(cells: list[Any]) -> pa.Array:
    """Cells of one type as a column of it, others as text."""
    try:
        made = pa.array(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        made = None
    if made is None or pa.types.is_string(made.type) or pa.types.is_null(made.type):
        return pa.array([None if cell is None else str(cell) for cell in cells], pa.string())
    if pa.types.is_timestamp(made.type):
        return made.cast(pa.timestamp("us"))
    return made


def _columnar_sample(files: tuple[SourceFile, ...], folder: Path) -> TableSample:
    chosen = _spread(files, FILES)
    tables, paths, total = [], [], 0
    for number, file in enumerate(chosen):
        table, rows = _read_columnar(file, ROWS // len(chosen))
        total += rows
        path = _place(folder, file, number, ".parquet")
        flat = _flat(table)
        for name, value in file.partition.items():
            if name not in flat.column_names:
                flat = flat.append_column(name, pa.array([value] * len(flat), pa.string()))
        pyarrow.parquet.write_table(table, path)
        paths.append(str(path))
        tables.append(flat)
    total = total * len(files) // len(chosen)
    counts = Counter(name for table in tables for name in table.column_names)
    whole = pa.concat_tables(tables, promote_options="permissive")
    columns = []
    for number, name in enumerate(whole.column_names):
        values = _whole(whole.column(number))
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        is_list = pa.types.is_list(values.type) or pa.types.is_large_list(values.type)
        if is_list:
            values = _joined(values)
        elif pa.types.is_large_string(values.type) or pa.types.is_null(values.type):
            values = values.cast(pa.string())
        which = _which(whole.column_names, number)
        columns.append(FoundColumn(name, values, which, counts[name] < len(tables) and which is None, is_list))
    return TableSample(files, tuple(columns), {}, tuple(paths), len(whole), max(total, len(whole)))


def _joined(values: pa.Array) -> pa.Array:
    texts = [
        None if each is None else "|".join(str(item) for item in each if item is not None)
        for each in values.to_pylist()
    ]
    return pa.array(texts, pa.string())


def _read_columnar(file: SourceFile, limit: int) -> tuple[pa.Table, int]:
    try:
        if file.kind == "parquet":
            return _read_parquet(file.path, limit)
        with pa.memory_map(str(file.path)) as source:
            if file.kind == "arrow":
                reader = pa.ipc.open_file(source)
                batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
            else:
                batches = list(pa.ipc.open_stream(source))
            table = pa.Table.from_batches(batches, reader.schema if file.kind == "arrow" else batches[0].schema)
            return _runs(table, limit), len(table)
    except (pa.ArrowInvalid, pa.ArrowSerializationError, OSError) as error:
        raise SourceError(file.name, f"{file.kind} that is damaged or cut short ({error})") from None


def _read_parquet(path: Path, limit: int) -> tuple[pa.Table, int]:
    with pyarrow.parquet.ParquetFile(path) as parquet:
        rows, groups = parquet.metadata.num_rows, parquet.metadata.num_row_groups
        if rows <= limit:
            return parquet.read(), rows
        number = min(groups, 16)
        chosen = [each * (groups - 1) // max(number - 1, 1) for each in range(number)]
        tables = []
        for group in chosen:
            size = parquet.metadata.row_group(group).num_rows
            own = limit // number
            stride = max(1, size // own) if number < 16 else 1
            kept = 0
            for place, batch in enumerate(parquet.iter_batches(8192, [group])):
                if place % stride == 0:
                    tables.append(pa.Table.from_batches([batch]))
                    kept += len(batch)
                if kept >= own:
                    break
        return pa.concat_tables(tables), rows


def _runs(table: pa.Table, limit: int) -> pa.Table:
    if len(table) <= limit:
        return table
    size = limit // 32
    return pa.concat_tables([table.slice((len(table) - size) * number // 31, size) for number in range(32)])


def _flat(table: pa.Table) -> pa.Table:
    """The table with the members of structs as columns, `meta.k` for member `k` of `meta`."""
    while any(pa.types.is_struct(kind) for kind in table.schema.types):
        table = table.flatten()
    return table
