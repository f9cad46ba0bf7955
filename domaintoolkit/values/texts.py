"""Columns of text: their types, and parsers that read them all at once or, if that fails, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import quote
from domaintoolkit.values.prepared import Prepared

__all__ = [
    "as_strings",
    "cast_halves",
    "has_byte",
    "holds_text",
    "invalid_unicode",
    "is_text",
    "join_set",
    "parse_distinct",
    "parse_likely",
    "split_set",
    "try_blocks",
]

_SAMPLE, _BLOCK = 64, 4096
"""Texts that are cast first, to see whether all will be, and those that are once a cast of all has failed."""

_FEW = 16
"""After a failed cast, so few texts are read one by one: splitting them further costs more."""

T = TypeVar("T")
Cast = Callable[[pa.Array], NDArray[Any]]
Parse = Callable[[str], Any]
Tidy = Callable[[pa.Array], pa.Array]


def is_text(kind: pa.DataType) -> bool:
    """Return True if a type holds strings, in any of Arrow's layouts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def holds_text(kind: pa.DataType) -> bool:
    """Return True if a type holds strings or bytes, which are read as UTF-8, in any of Arrow's layouts."""
    test = pa.types
    return is_text(kind) or bool(test.is_binary(kind) or test.is_large_binary(kind) or test.is_binary_view(kind))


def as_strings(values: pa.Array) -> pa.Array:
    """Text or bytes as string or large_string. Bytes are not checked to be UTF-8."""
    if pa.types.is_string_view(values.type) or pa.types.is_binary_view(values.type):
        values = values.cast(pa.large_binary())  # Arrow casts no views to numbers
    if pa.types.is_binary(values.type):
        return values.view(pa.string())
    return values.view(pa.large_string()) if pa.types.is_large_binary(values.type) else values


def has_byte(texts: pa.Array, marks: bytes) -> bool:
    """Return True if one of the ASCII characters `marks` is in the texts."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return False
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    # a slice shares the buffers of its array: only its own part counts
    ends = np.frombuffer(offsets, width)[[texts.offset, texts.offset + len(texts)]]
    text = np.frombuffer(data, np.uint8)[ends[0] : ends[1]]
    return any((text == mark).any() for mark in marks)


def invalid_unicode(value: bytes, encoding: str = "utf-8") -> str | None:
    """The reason why bytes are not UTF-8; None if they are. They come from a file in `encoding`.

    A lone surrogate stands for a byte that another encoding does not know.
    """
    try:
        value.decode()
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            return f"not UTF-8: byte 0x{value[error.start]:02x} at {error.start} of {quote(value)}"
        text = value.decode(errors="surrogatepass")
        at = next(at for at, character in enumerate(text) if "\ud800" <= character <= "\udfff")
        shown = text.encode(errors="surrogateescape") if "\udc80" <= text[at] <= "\udcff" else value
        return f"not {encoding}: byte 0x{ord(text[at]) & 0xFF:02x} at {at} of {quote(shown)}"
    return None


def join_set(elements: Iterable[str | None], mark: str) -> str:
    """The distinct elements in their order, joined by `mark`; `ValueError` for those that cannot be split again."""
    distinct: set[str] = set()
    for element in elements:
        if not element:
            raise ValueError(f"a set with an element that is {'null' if element is None else 'the empty text'}")
        if mark in element:
            raise ValueError(f"the element {quote(element)} holds {mark!r}; set another set_separator for this column")
        distinct.add(element)
    return mark.join(sorted(distinct))


def split_set(text: str, mark: str) -> str:
    """A set that is written with `mark` between its elements, as `join_set` writes it."""
    return join_set(text.split(mark), mark) if text else ""


def try_blocks(texts: pa.Array, cast: Callable[[pa.Array], T], slower: Callable[[pa.Array], T]) -> list[T]:
    """The texts read by `cast` or, if that raises `pa.ArrowInvalid`, by `slower`: all at once, or block by block.

    A cast that fails is slow: Arrow takes about 1 µs to word an error for each text that it cannot read.
    """
    try:
        cast(texts[:_SAMPLE])
    except pa.ArrowInvalid:
        return [slower(texts)]
    try:
        return [cast(texts)]
    except pa.ArrowInvalid:
        pass
    if len(texts) <= _BLOCK:
        return [slower(texts)]
    blocks = (texts[start : start + _BLOCK] for start in range(0, len(texts), _BLOCK))
    return [made for block in blocks for made in try_blocks(block, cast, slower)]


def parse_likely(
    texts: pa.Array, kind: pa.DataType, likely: str, cast: Cast, parse: Parse, tidy: Tidy | None = None
) -> Prepared:
    """Texts as values of `kind`.

    `cast` reads many texts at once, of those that match the regular expression `likely` and in the form that `tidy`
    brings them to, and raises `pa.ArrowInvalid` if it cannot read one of them. `parse` reads one text, or raises
    `ValueError` with the reason.
    """
    found = np.zeros(len(texts), kind.to_pandas_dtype())
    read = np.zeros(len(texts), np.bool_)
    rows = np.flatnonzero(np.asarray(pc.fill_null(pc.match_substring_regex(texts, likely), False)))
    some, done = found[rows], read[rows]
    matching = texts if len(rows) == len(texts) else texts.take(pa.array(rows))
    cast_halves(matching if tidy is None else tidy(matching), cast, some, done)
    found[rows], read[rows] = some, done  # `some` and `done` are copies
    null = np.asarray(texts.is_null())
    left = np.flatnonzero(~read & ~null)
    single = parse_distinct(texts.take(pa.array(left)), kind, parse)
    good = np.asarray(single.values.is_valid())
    found[left[good]] = single.values.drop_null().to_numpy(zero_copy_only=False)
    # what is neither read nor null is refused, and becomes null
    read[left[good]] = True
    return Prepared(pa.array(found, kind, mask=~read), [(int(left[at]), reason) for at, reason in single.refused])


def cast_halves(texts: pa.Array, cast: Cast, found: NDArray[Any], read: NDArray[np.bool_]) -> None:
    """Read as many texts as casts can; `read` becomes True of these. What they cannot read is found by halving."""
    try:
        found[:] = cast(texts)
        read[:] = True
    except pa.ArrowInvalid:
        if len(texts) > _FEW:
            half = len(texts) // 2
            cast_halves(texts[:half], cast, found[:half], read[:half])
            cast_halves(texts[half:], cast, found[half:], read[half:])


def parse_distinct(texts: pa.Array, kind: pa.DataType, parse: Parse) -> Prepared:
    """Texts as values of `kind`, each distinct one read by `parse`, which raises `ValueError` with the reason."""
    coded = texts.dictionary_encode()
    # bytes, because the text may not be UTF-8
    values, refused = [], []
    for code, value in enumerate(coded.dictionary.cast(pa.large_binary()).to_pylist()):
        try:
            values.append(parse(value.decode(errors="backslashreplace")))
        except ValueError as error:
            values.append(None)
            refused.append((code, str(error)))
    distinct = Prepared(pa.array([*values, None], kind, from_pandas=False), refused)
    return distinct.spread(coded.indices.fill_null(len(values)).to_numpy())
