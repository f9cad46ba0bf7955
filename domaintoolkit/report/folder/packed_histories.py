"""Histories in the compact form that a page's scripts read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.report.folder.chosen_rows import ChosenRows
from domaintoolkit.report.pages.template import pack
from domaintoolkit.times import zone_table
from domaintoolkit.times.zones import NO_TIME, YEARS_BEGIN, YEARS_END
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["BUDGET", "pack_histories"]

BUDGET = 3_600_000
"""Bytes of a page that histories may take, about."""
LONGEST = 400
"""The most events of a history on a page."""
TOKENS = 2_000
"""The most tokens of an event, or of a header, on a page."""


def pack_histories(tokenizer: DomainTokenizer, rows: ChosenRows, budget: int = BUDGET) -> dict[str, Any]:
    """The latest events of each history, as many as the budget allows, with the names of their tokens."""
    wide = len(tokenizer.vocabulary) > 1 << 16
    cap = _cap(rows, budget, wide)
    tokens: list[NDArray[np.int64]] = []
    lengths: list[NDArray[np.int64]] = []
    header, shown = [], []
    for ids, starts in zip(rows.ids, rows.starts, strict=True):
        first = min(int(starts[0]) if len(starts) else len(ids), TOKENS)
        kept = starts[max(0, len(starts) - cap) :]  # the latest events
        # `tokens` are, for each history, its header and then its events; the page parts them by `header` and `lengths`
        header.append(first)
        shown.append(len(kept))
        tokens.append(np.asarray(ids[:first], np.int64))
        for begin, end in zip(kept.tolist(), [*kept[1:].tolist(), len(ids)], strict=True):
            tokens.append(np.asarray(ids[begin : min(end, begin + TOKENS)], np.int64))
            lengths.append(np.array([len(tokens[-1])]))
    flat = np.concatenate(tokens) if tokens else np.zeros(0, np.int64)
    # the page numbers only the tokens that occur on it, which need fewer bits
    used, places = np.unique(flat, return_inverse=True)
    names, fields, of = _names(tokenizer, used)
    splits = sorted(set(rows.splits))
    return {
        "names": names,
        "fields": fields,
        "field_of": of,
        "keys": rows.names,
        "splits": splits,
        "split": pack(np.array([splits.index(split) for split in rows.splits], np.uint8)),
        "events": pack(np.array([len(starts) for starts in rows.starts], np.uint32)),
        "shown": pack(np.array(shown, np.uint32)),
        "header": pack(np.array(header, np.uint16)),
        "wide": len(used) > 1 << 16,
        "tokens": pack(places.astype(np.uint32 if len(used) > 1 << 16 else np.uint16)),
        "lengths": pack((np.concatenate(lengths) if lengths else np.zeros(0)).astype(np.uint16)),
        "times": None if rows.times is None else pack(_wall_times(tokenizer, rows.times, cap)),
    }


def _cap(rows: ChosenRows, budget: int, wide: bool) -> int:
    """The most events of a history such that all fit."""
    events = np.array([len(starts) for starts in rows.starts], np.int64)
    total = int(sum(map(len, rows.ids)))
    # base64 takes four bytes for three: a token 2 or 4, an event's length 2 and its time 8
    cost = (total / max(1, int(events.sum()))) * (4 if wide else 2) * 4 / 3 + 10 * 4 / 3
    cap = LONGEST
    while cap > 1 and float(np.minimum(events, cap).sum()) * cost > budget:
        cap = cap * 4 // 5
    return cap


def _names(tokenizer: DomainTokenizer, used: NDArray[np.int64]) -> tuple[list[str], list[str], list[int]]:
    """(names, fields, the field of each name, -1 for specials and bytes) of tokens."""
    tokens = [tokenizer.vocabulary.token(int(number)) for number in used]
    fields = list(dict.fromkeys("anchor" if name is None else name for name in tokenizer.grammar.part_fields))
    place = {name: number for number, name in enumerate(fields)}
    of = [place.get("anchor" if token.kind == "anchor" else str(token.field), -1) for token in tokens]
    return [token.name for token in tokens], fields, of


def _wall_times(tokenizer: DomainTokenizer, times: list[NDArray[np.int64]], cap: int) -> NDArray[np.float64]:
    """(events shown,) milliseconds by the clock that the tokens show; NaN without a time."""
    flat = np.concatenate([each[max(0, len(each) - cap) :] for each in times]) if times else np.zeros(0, np.int64)
    spec = tokenizer.schema.time_field
    walls = zone_table(tokenizer.schema.zone if spec is None else spec.zone).local(flat)
    # at the ends of the calendar the clock of UTC is shown, as in `history`
    walls = np.where((walls < YEARS_BEGIN) | (walls >= YEARS_END), flat, walls)
    return np.where(flat == NO_TIME, np.nan, walls / 1000.0)
