"""New events at the very time of their entity's last encoded one: on which side of it they belong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.jobs.histories.histories import Histories
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.encoding import tie_keys

__all__ = ["before_last"]

Numbers = NDArray[np.int64]


def before_last(histories: Histories, rows: pa.Table, history: Numbers) -> NDArray[np.bool_]:
    """True for each row that has the time of its history's last event and belongs before that event.

    The last event is compared as the stream tells it, by what orders ties in encoding; of equals, the encoded
    one is first. Rows that cannot be encoded are on neither side.
    """
    chosen, which = np.unique(history, return_inverse=True)
    last = histories.last_rows(chosen, rows.schema)
    numbers, keys = _keys(histories.tokenizer, pa.concat_tables([last, rows]))
    entity = np.concatenate([np.arange(len(chosen)), which])[numbers]
    rank = np.full(len(last) + len(rows), len(last) + len(rows))
    rank[numbers[np.lexsort([*reversed(keys), entity])]] = np.arange(len(numbers))
    before: NDArray[np.bool_] = rank[len(last) :] < rank[which]
    return before


def _keys(tokenizer: DomainTokenizer, table: pa.Table) -> tuple[Numbers, list[Numbers]]:
    """The rows that can be encoded, and the keys that order them."""
    rows = tokenizer.prepare_rows(table, "quarantine")
    layout = tokenizer.layout
    cells: dict[str | None, Any] = {
        bound.name: bound.encoder.encode(rows.values[bound.name])
        for bound in layout.events
        if bound.name in rows.values
    }
    numbers = np.arange(len(rows)) if rows.numbers is None else rows.numbers
    # static values are those of the history, which of its last event are not known
    schema = replace(tokenizer.schema, static=())
    return numbers, tie_keys(schema, rows, layout, cells, np.arange(len(rows)))
