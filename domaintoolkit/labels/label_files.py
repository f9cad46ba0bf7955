"""Label files as Arrow tables. CSV is read as text, since the streams decide the types of keys."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from domaintoolkit.errors import SourceError

__all__ = ["read_label_file"]

DELIMITERS = (",", ";", "\t", "|")


def read_label_file(path: Path) -> pa.Table:
    """All columns of a file; raises `SourceError` if it cannot be read.

    The first bytes tell Parquet, Arrow and packed CSV. In CSV the header line decides between comma, semicolon, tab and
    bar; an unquoted empty cell is null.
    """
    try:
        with path.open("rb") as file:
            head = file.read(8)
        if head[:4] == b"PAR1":
            return pa.parquet.read_table(path, partitioning=None)
        if head[:6] == b"ARROW1":
            with pa.memory_map(str(path)) as mapped:
                return pa.ipc.open_file(mapped).read_all()
        return _read_csv(path, packed=head[:2] == b"\x1f\x8b")
    except OSError as error:
        raise SourceError(str(path), error.strerror or str(error)) from None
    except (pa.ArrowException, EOFError) as error:
        raise SourceError(str(path), f"is not a label table: {error}") from None


def _read_csv(path: Path, packed: bool) -> pa.Table:
    with pa.input_stream(str(path), compression="gzip" if packed else None) as stream:
        data = stream.read()
    # without a line break, `find` gives -1: all of it is the header line
    first = data[: data.find(b"\n") + 1 or len(data)]
    try:
        line = first.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SourceError(str(path), "is not UTF-8; save it as UTF-8, or as Parquet") from None
    if not line.strip():
        raise SourceError(str(path), "is empty; a label table has a header line")
    delimiter = max(DELIMITERS, key=lambda mark: line.count(mark))
    names = next(csv.reader(io.StringIO(line), delimiter=delimiter))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(str(path), f"has several columns of the name {twice[0]!r}")
    return pa.csv.read_csv(
        io.BytesIO(data),
        parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
