"""Vocabularies in files: our own JSON, JSON by hand, and CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from domaintoolkit.errors import ArtifactError, SourceError, VocabularyError
from domaintoolkit.util.artifacts import JsonText, canonical_json, read_checked, write_json
from domaintoolkit.util.partials import write_atomic
from domaintoolkit.vocabulary.token import KINDS, Token

__all__ = ["FORMAT", "VERSION", "canonical_rows", "read", "read_csv", "write", "write_csv"]

FORMAT = "domaintoolkit-vocabulary"
VERSION = 1

COLUMNS = ("token", "kind", "field", "key", "part", "start", "fusible", "whole")
TYPES = (str, str | None, str, str, int, bool, bool, bool)
"""The types of a token's fields, in their order."""
WORDS = {"true": True, "false": False}


def canonical_rows(tokens: Sequence[Token]) -> list[str]:
    """The canonical JSON of each token, made column by column, which takes half the time."""
    if not tokens:
        return []
    columns = list(zip(*tokens, strict=True))  # kind, field, key, name, part, start, fusible, whole
    # kind and field, and part and flags, take few values: only keys and names are encoded one by one
    heads = _to_texts(list(zip(*columns[:2], strict=True)))
    tails = _to_texts(list(zip(*columns[4:], strict=True)))
    key, name = (_quote(column) for column in columns[2:4])
    # each row as one list: the head without its closing bracket, and the tail without its opening one
    parts = zip(heads, key, name, tails, strict=True)
    return [f"{head[:-1]},{key},{name},{tail[1:]}" for head, key, name, tail in parts]


def _to_texts(rows: list[tuple[Any, ...]]) -> list[str]:
    """The canonical JSON of rows, few of which differ."""
    known = {row: canonical_json(row) for row in set(rows)}
    return [known[row] for row in rows]


def _quote(texts: Iterable[str]) -> list[str]:
    """The JSON of each text; a line break within one is escaped."""
    return json.dumps(list(texts), separators=("\n", ":"))[1:-1].split("\n")


def write(path: str | Path, rows: Sequence[str], generations: Iterable[tuple[int, str]]) -> None:
    """Write our own format: the generations, and a line for each token, whose canonical JSON is in `rows`."""
    chain = [list(generation) for generation in generations]
    tokens = JsonText("[\n" + ",\n".join(rows) + "\n]" if rows else "[]")
    write_json(path, FORMAT, VERSION, {"generations": chain, "columns": list(Token._fields), "tokens": tokens})


STORED_TYPES: tuple[set[type], ...] = ({str}, {str, type(None)}, {str}, {str}, {int}, {bool}, {bool}, {bool})
"""The types of each part of a token."""


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """A file of our own format that its checksum has confirmed; its tokens are not read yet.

    Most uses of a tokenizer need no names, and to read them took half of the time of loading it.
    """

    path: str
    raw: bytes = dataclasses.field(repr=False)
    generations: tuple[tuple[int, str], ...]

    @classmethod
    def read(cls, path: str | Path) -> Stored:
        """Read and check the file; raises what `read_checked` raises."""
        raw, first = read_checked(path, FORMAT, VERSION, "generations")
        try:
            generations = tuple((int(size), str(digest)) for size, digest in first)
            if not generations:
                raise ValueError("it has no generation")
        except (TypeError, ValueError) as error:
            raise _no_vocabulary(path, error) from None
        return cls(str(path), raw, generations)

    def tokens(self) -> tuple[Token, ...]:
        """The tokens, in the order of their ids."""
        try:
            tokens = tuple(map(Token._make, json.loads(self.raw)["tokens"]))
            # by columns, which takes a tenth of the time that it takes by tokens
            columns = zip(zip(*tokens, strict=True), STORED_TYPES, strict=False)
            if not all(set(map(type, column)) <= types for column, types in columns):
                raise TypeError("a part of a token has another type")
            return tokens
        except (KeyError, TypeError, ValueError) as error:
            raise _no_vocabulary(self.path, error) from None

    def copy(self, path: str | Path) -> None:
        """Write the same file again."""
        write_atomic(path, self.raw)


def _no_vocabulary(path: str | Path, error: Exception) -> ArtifactError:
    return ArtifactError(str(path), f"does not hold a vocabulary: {error!r}")


def read(path: str | Path) -> tuple[list[Token], list[int]]:
    """Tokens of any JSON file that `Vocabulary.from_json` takes, and the sizes of their generations."""
    try:
        data = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise SourceError(str(path), f"not valid JSON: {error}") from None
    # a file of our own; a token that is called "format" has a number there
    if isinstance(data, dict) and isinstance(data.get("format"), str):
        stored = Stored.read(path)
        return list(stored.tokens()), [size for size, _ in stored.generations]
    if isinstance(data, dict):
        tokens = _order_by_id(str(path), data)
    elif isinstance(data, list):
        tokens = [_entry(str(path), f"[{i}]", item) for i, item in enumerate(data)]
    else:
        raise SourceError(str(path), "expected a list of tokens, or an object of tokens and their ids")
    return tokens, [len(tokens)]


def _order_by_id(path: str, data: dict[str, Any]) -> list[Token]:
    # `type`, since True and False are instances of int
    names = {number: name for name, number in data.items() if type(number) is int}
    if len(names) != len(data) or any(number not in names for number in range(len(data))):
        raise SourceError(path, f"expected {len(data)} tokens to have the ids from 0 to {len(data) - 1}, each once")
    return [Token("custom", None, names[number], names[number]) for number in range(len(data))]


def _entry(path: str, place: str, item: Any) -> Token:
    if isinstance(item, str):
        return Token("custom", None, item, item)
    if isinstance(item, dict) and isinstance(item.get("token"), str):
        # null is as a missing column, and as an empty cell of CSV
        return _token(path, place, {key: value for key, value in item.items() if value is not None})
    raise SourceError(path, f"expected the name of a token, or an object with a 'token', got {item!r} at {place}")


def _token(path: str, place: str, row: dict[str, Any]) -> Token:
    """A token from the columns of a row; a missing column is as for a token built by hand."""
    unknown = sorted(set(row) - set(COLUMNS))
    if unknown:
        raise SourceError(path, f"unknown column {unknown[0]!r} at {place}; the columns are: {', '.join(COLUMNS)}")
    kind = row.get("kind", "custom")
    if kind not in KINDS:
        raise SourceError(path, f"unknown kind of token {kind!r} at {place}; the kinds are: {', '.join(KINDS)}")
    name = row["token"]
    others = {column: row[column] for column in ("part", "start", "fusible", "whole") if column in row}
    token = Token(kind, row.get("field"), row.get("key", name), name, **others)
    for column, value, wanted in zip(Token._fields, token, TYPES, strict=True):
        if not isinstance(value, wanted):
            raise SourceError(path, f"{column} cannot be {value!r} at {place}")
    return token


def write_csv(path: str | Path, tokens: Iterable[Token]) -> None:
    """Write a CSV file, a line for each token; an empty cell means no field."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for kind, field, key, name, part, start, fusible, whole in tokens:
        if field == "":
            raise VocabularyError(f"the field of token {name!r} is empty, which CSV cannot distinguish from no field")
        writer.writerow((name, kind, field, key, part, *(str(flag).lower() for flag in (start, fusible, whole))))
    write_atomic(path, text.getvalue().encode())


def read_csv(path: str | Path) -> list[Token]:
    """The tokens of a CSV file with a header line; raises `SourceError` with the line of a mistake."""
    text = _text(path)
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # one token may be longer than csv's 128 KiB
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if "token" not in header or len(set(header)) != len(header):
            raise SourceError(str(path), f"expected one column 'token', found the columns {header}")
        rows = [(f"line {reader.line_num}", row) for row in reader if row]
    except csv.Error as error:
        raise SourceError(str(path), f"line {reader.line_num}: {error}") from None
    if "id" in header:
        place = header.index("id")
        rows = _by_id(str(path), place, rows)
        header = header[:place] + header[place + 1 :]
    return [_csv_token(str(path), line, header, row) for line, row in rows]


def _by_id(path: str, place: int, rows: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """The lines in the order of the ids in their column at `place`; the others of their columns."""
    numbers: dict[int, tuple[str, list[str]]] = {}
    for line, cells in rows:
        text = cells[place] if place < len(cells) else ""
        if not text.isascii() or not text.isdigit():
            raise SourceError(path, f"{text!r} is not an id, at {line}")
        if int(text) in numbers:
            raise SourceError(path, f"the id {text} occurs twice, at {numbers[int(text)][0]} and {line}")
        numbers[int(text)] = line, cells[:place] + cells[place + 1 :]
    missing = next((number for number in range(len(rows)) if number not in numbers), None)
    if missing is not None:
        raise SourceError(path, f"no token has the id {missing}: {len(rows)} tokens have the ids from 0 on, each once")
    return [numbers[number] for number in range(len(rows))]


def _csv_token(path: str, place: str, header: list[str], cells: list[str]) -> Token:
    if len(cells) != len(header):
        raise SourceError(path, f"{place} has {len(cells)} columns, the header has {len(header)}")
    row: dict[str, Any] = dict(zip(header, cells, strict=True))
    # an empty cell is a missing column; a name or a key may be empty
    row = {column: value for column, value in row.items() if value or column in ("token", "key")}
    try:
        row |= {column: int(row[column]) for column in ("part",) if column in row}
        row |= {column: WORDS[row[column].lower()] for column in ("start", "fusible", "whole") if column in row}
    except (KeyError, ValueError) as error:
        raise SourceError(path, f"{error} is neither a number nor true or false at {place}") from None
    return _token(path, place, row)


def _text(path: str | Path) -> str:
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            return file.read()
    except OSError as error:
        raise SourceError(str(path), error.strerror or str(error)) from None
    except UnicodeDecodeError as error:
        raise SourceError(str(path), f"not UTF-8 text: {error}") from None
