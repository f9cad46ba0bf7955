"""New events at the very time of the last encoded event of their entity: do they belong before it or after it?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.jobs.histories.histories import Histories
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.encoding import tie_keys

__all__ = ["sorts_before_last"]

Ints = NDArray[np.int64]


def sorts_before_last(histories: Histories, rows: pa.Table, history: Ints) -> NDArray[np.bool_]:
    """True for each row that sorts before the last event of its history, which has the same time.

    The last event is compared as its tokens give it, by the keys that order ties in encoding. If both are equal, the
    encoded one comes first. Rows that cannot be encoded do not sort before it.
    """
    chosen, which = np.unique(history, return_inverse=True)
    last = histories.decode_last_events(rows.schema, chosen)
    numbers, keys = _sort_keys(histories.tokenizer, pa.concat_tables([last, rows]))
    # (last + rows,): the history of each, and its place in the order of all; rows without a place come at the end
    entity = np.concatenate([np.arange(len(chosen)), which])[numbers]
    rank = np.full(len(last) + len(rows), len(last) + len(rows))
    rank[numbers[np.lexsort([*reversed(keys), entity])]] = np.arange(len(numbers))
    # the last events come first in the table, so `which` is the row of each one's own
    before: NDArray[np.bool_] = rank[len(last) :] < rank[which]
    return before


def _sort_keys(tokenizer: DomainTokenizer, table: pa.Table) -> tuple[Ints, list[Ints]]:
    """(The numbers of the rows that can be encoded, their sort keys.)"""
    rows = tokenizer.prepare_rows(table, "quarantine")
    layout = tokenizer.layout
    cells: dict[str | None, Any] = {
        bound.name: bound.encoder.encode(rows.values[bound.name])
        for bound in layout.events
        if bound.name in rows.values
    }
    numbers = np.arange(len(rows)) if rows.numbers is None else rows.numbers
    # all events of a history have the same static values, and those of its last event are not known
    schema = replace(tokenizer.schema, static=())
    return numbers, tie_keys(schema, rows, layout, cells, np.arange(len(rows)))
