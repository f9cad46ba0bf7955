"""The one parser of booleans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.errors import quote
from domaintoolkit.values.columns import codes_of
from domaintoolkit.values.prepared import Prepared, refuse_all
from domaintoolkit.values.texts import as_strings, holds_text, parse_distinct

__all__ = ["as_booleans"]

_SPELLINGS = {"true": True, "1": True, "false": False, "0": False}


def as_booleans(values: pa.Array, true: Sequence[str] | None = None, false: Sequence[str] = ()) -> Prepared:
    """A column as bool. Numbers are 0 or 1; text is true, false, 1 or 0, in capitals or not.

    `true` and `false` are the further words of a column of a file; with them, a reason names these settings.
    """
    kind = values.type
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return Prepared(values.cast(pa.bool_()))
    if pa.types.is_dictionary(kind):
        codes, distinct = codes_of(values)
        return as_booleans(distinct, true, false).spread(codes)
    if holds_text(kind):
        texts = as_strings(values)
        try:
            return Prepared(texts.cast(pa.bool_()))  # Arrow knows the same spellings
        except pa.ArrowInvalid:
            words = dict.fromkeys(true or (), True) | dict.fromkeys(false, False)
            hint = "" if true is None else "; set the words for both in true and false"
            return parse_distinct(texts, pa.bool_(), lambda text: _parse_boolean(text, words, hint))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        wrong = np.asarray(pc.fill_null(pc.and_(pc.not_equal(values, 0), pc.not_equal(values, 1)), False))
        good = pc.if_else(pa.array(wrong), pa.scalar(None, kind), values)
        refused = [(row, _refuse(repr(values[row].as_py()))) for row in np.flatnonzero(wrong).tolist()]
        return Prepared(pc.equal(good, 1), refused)
    return refuse_all(values, pa.bool_(), f"values of type {kind} are not booleans")


def _parse_boolean(text: str, words: Mapping[str, bool], hint: str) -> bool:
    if text in words:
        return words[text]
    if text.lower() not in _SPELLINGS:
        raise ValueError(_refuse(quote(text)) + hint)
    return _SPELLINGS[text.lower()]


def _refuse(value: str) -> str:
    return f"expected true, false, 1 or 0, got {value}"
