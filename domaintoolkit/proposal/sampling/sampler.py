"""`take_sample`: rows spread over all of the given files, as columns of text or of the files' own types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from domaintoolkit.errors import SourceError
from domaintoolkit.proposal.sampling.byte_pieces import BUDGET, read_head, take_pieces
from domaintoolkit.proposal.sampling.columnar_sample import sample_columnar
from domaintoolkit.proposal.sampling.csv_sample import sample_csv
from domaintoolkit.proposal.sampling.encodings_found import find_encoding, settle_encoding
from domaintoolkit.proposal.sampling.excel_sample import sample_excel
from domaintoolkit.proposal.sampling.json_sample import sample_json
from domaintoolkit.proposal.sampling.table_sample import FILES, TableSample, spread_files
from domaintoolkit.reading import SourceFile, find_files
from domaintoolkit.util.temporary import temporary_folder

__all__ = ["take_sample"]


@contextmanager
def take_sample(
    paths: Sequence[str], encoding: str | None = None, delimiter: str | None = None
) -> Iterator[TableSample]:
    """Rows of the files that `paths` name; the files with these rows are there as long as the block runs."""
    files, found = _find(paths, encoding)
    full = tuple(file for file in files if file.kind != "empty")
    kinds = {_kind_of(file) for file in full}
    if len(kinds) > 1:
        raise SourceError(", ".join(paths[:3]), f"files of several kinds ({', '.join(sorted(kinds))}); give one kind")
    with temporary_folder() as folder:
        kind = kinds.pop()
        if kind in ("csv", "json lines"):
            chosen = spread_files(full, FILES)
            # one reading for both the encoding and the rows
            pieces = {file: take_pieces(file, BUDGET // len(chosen)) for file in chosen}
            if encoding is None:
                found = settle_encoding([piece for each in pieces.values() for piece in each.pieces], found)
            if kind == "csv":
                sample = sample_csv(full, pieces, found, delimiter, folder)
            else:
                sample = sample_json(full, pieces, found, folder)
        elif kind == "excel":
            sample = sample_excel(full)
        else:
            sample = sample_columnar(full, folder)
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
    found = Counter(find_encoding(read_head(file)) for file in spread_files(text, 8))
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


def _kind_of(file: SourceFile) -> str:
    return "arrow" if file.kind == "arrow stream" else file.kind
