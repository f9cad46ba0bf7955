"""The one parser of booleans."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.errors import quote
from domaintoolkit.values.columns import codes_of
from domaintoolkit.values.prepared import Prepared, refuse_all
from domaintoolkit.values.texts import as_strings, holds_text, parse_distinct

__all__ = ["as_booleans"]

_SPELLINGS = {"true": True, "1": True, "false": False, "0": False}


def as_booleans(values: pa.Array) -> Prepared:
    """A column as bool. Numbers are 0 or 1; text is true, false, 1 or 0, in capitals or not."""
    kind = values.type
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return Prepared(values.cast(pa.bool_()))
    if pa.types.is_dictionary(kind):
        codes, distinct = codes_of(values)
        return as_booleans(distinct).spread(codes)
    if holds_text(kind):
        texts = as_strings(values)
        try:
            return Prepared(texts.cast(pa.bool_()))  # Arrow knows the same spellings
        except pa.ArrowInvalid:
            return parse_distinct(texts, pa.bool_(), _parse_boolean)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        wrong = np.asarray(pc.fill_null(pc.and_(pc.not_equal(values, 0), pc.not_equal(values, 1)), False))
        good = pc.if_else(pa.array(wrong), pa.scalar(None, kind), values)
        refused = [(row, _unknown(repr(values[row].as_py()))) for row in np.flatnonzero(wrong).tolist()]
        return Prepared(pc.equal(good, 1), refused)
    return refuse_all(values, pa.bool_(), f"values of type {kind} are not booleans")


def _parse_boolean(text: str) -> bool:
    if text.lower() not in _SPELLINGS:
        raise ValueError(_unknown(quote(text)))
    return _SPELLINGS[text.lower()]


def _unknown(value: str) -> str:
    return f"expected true, false, 1 or 0, got {value}"
