"""Fields in figures: how often each token occurs, and how buckets lie over the values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders.base import Encoder
from domaintoolkit.encoders.numeric.encoder import NumericEncoder
from domaintoolkit.grammar.places import BYTES
from domaintoolkit.metrics import entropy
from domaintoolkit.report.charts import Figure, Table, bar_chart, histogram
from domaintoolkit.report.screen import percent
from domaintoolkit.storage import EncodedFolder
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["count_tokens", "field_table", "value_figures", "vocabulary_table"]

SHOWN = 12
"""Values of a field in its picture."""
CELLS = 60
KINDS = {
    "categorical": "category",
    "numeric": "number",
    "timestamp": "time",
    "text": "text",
    "custom": "custom",
}


KINDS_SHOWN = {"spell": "(spelled)", "null": "(null)", "nan": "(NaN)"}
"""Slots that are not values, so that none is taken for a value of that text."""


def count_tokens(encoded: EncodedFolder, size: int) -> NDArray[np.int64]:
    """(V,) how often each token occurs in the folder."""
    counts = np.zeros(size, np.int64)
    for rows in encoded.streams():
        ids = rows.ids[rows.offsets[0] : rows.offsets[-1]]
        # in parts, since `bincount` widens its input to 64 bits
        for low in range(0, len(ids), 1 << 24):
            counts += np.bincount(ids[low : low + (1 << 24)], minlength=size)
    return counts


def _fields(tokenizer: DomainTokenizer) -> Iterator[tuple[Any, Encoder]]:
    for bound in tokenizer.layout.bound:
        if isinstance(bound.encoder, Encoder) and bound.kind in ("static", "field"):
            yield bound, bound.encoder


def field_table(tokenizer: DomainTokenizer, encoded: EncodedFolder, counts: NDArray[np.int64]) -> Table:
    """A row for each field: its kind, its tokens, and the shares of values that are spelled, hashed, clipped, null."""
    totals, known = encoded.manifest.totals, encoded.manifest.counts.get("fields", {})
    rows = []
    for bound, encoder in _fields(tokenizer):
        values = totals["entities"] if bound.kind == "static" else totals["events"]
        # without the tokens of bytes, which all fields share
        own = bound.ids[: len(bound.ids) - BYTES]
        used = int(np.count_nonzero(counts[own]))
        each = known.get(bound.name, {})
        kind = KINDS.get(encoder.spec.type, encoder.spec.type) + (", of the entity" if bound.kind == "static" else "")
        # as many equally frequent tokens would be as hard to guess
        effective = 2 ** entropy(counts[own]) if used else 0.0
        shares = [percent(each.get(word, 0), values) for word in ("spelled", "hashed", "clipped", "missing")]
        rows.append([bound.name, kind, f"{len(own):,}", f"{used:,}", *shares, f"{effective:,.1f}"])
    header = ("field", "kind", "tokens", "in use", "spelled", "hashed", "clipped", "null", "effective tokens")
    return Table.of(header, rows)


def value_figures(tokenizer: DomainTokenizer, counts: NDArray[np.int64]) -> list[Figure]:
    """A picture for each field; of a time one for each of its parts."""
    found = []
    for bound, encoder in _fields(tokenizer):
        if isinstance(encoder, NumericEncoder) and len(encoder.values.values):
            found.append(_number_figure(bound, encoder))
        else:
            found += _token_figures(bound, encoder, counts)
    return found


def _number_figure(bound: Any, encoder: NumericEncoder) -> Figure:
    # (values,) in rising order
    values, counts = encoder.values.values, encoder.values.counts.astype(np.float64)
    order = np.argsort(values, kind="stable")
    values, counts = values[order], counts[order]
    running = np.cumsum(counts) / counts.sum()
    # up to the 99.5% quantile: a few outliers would press all else into one bar
    low, high = float(values[0]), float(values[min(len(values) - 1, int(np.searchsorted(running, 0.995)))])
    positive = values[values > 0]
    # nearly all distinct values are positive, and they span more than a factor of thirty from their 5% quantile
    log = len(positive) > 0.95 * len(values) and high > 30 * float(positive[len(positive) // 20])
    if log:
        # at most five powers of ten
        low = max(float(positive[0]), high / 1e5)
        edges = np.geomspace(low, high * 1.001, CELLS + 1)
    else:
        edges = _even_edges(low, high)
    # (CELLS,) values beyond the ends are counted in the last bars
    inside, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges, weights=counts)
    cuts = [cut for cut in encoder.scale.edges.tolist() if edges[0] <= cut <= edges[-1]]
    outside = 1 - float(counts[(values >= edges[0]) & (values <= edges[-1])].sum() / counts.sum())
    caption = (
        f"{len(encoder.scale.edges) + 1:,} buckets ({encoder.spec.strategy}) over the values seen in fitting, from "
        f"{float(values[0]):.4g} to {float(values[-1]):.4g}; each line is the lower end of a bucket."
    )
    if outside > 0.0005:
        caption += f" {outside:.1%} of the values lie beyond the picture and are counted in its last bars."
    return histogram(str(bound.name), edges.tolist(), {"values": inside.tolist()}, str(bound.name), caption, log, cuts)


def _even_edges(low: float, high: float) -> NDArray[np.float64]:
    """(CELLS + 1,) edges of bars of one width, also around values that are equal, or too near for `CELLS` numbers."""
    # as a sum of shares, since the difference of two huge numbers may be infinite
    share = np.linspace(0.0, 1.0, CELLS + 1)
    edges = low * (1 - share) + high * share
    if (np.diff(edges) > 0).all():
        return edges
    room = max(0.5, abs(low) * 1e-9)
    return np.linspace(low - room, high + room, CELLS + 1)


def _token_figures(bound: Any, encoder: Encoder, counts: NDArray[np.int64]) -> Iterator[Figure]:
    slots = encoder.slots
    # only tokens that begin a part, so that each value counts once in it
    by_part: dict[int, list[tuple[int, str]]] = {}
    for number, slot in enumerate(slots):
        if slot.start and (count := int(counts[bound.ids[number]])):
            by_part.setdefault(slot.part, []).append(
                (count, KINDS_SHOWN.get(slot.kind, slot.text.strip().removeprefix("=")))
            )
    for part, found in sorted(by_part.items()):
        names = encoder.parts
        title = f"{bound.name} {names[part]}".strip() if len(names) > 1 or names[0] else str(bound.name)
        total = sum(count for count, _ in found)
        # hours and weekdays are read in their own order
        in_order = encoder.spec.type == "timestamp" and len(found) <= 40
        ranked = found if in_order else sorted(found, key=lambda entry: -entry[0])
        best = ranked[: 40 if in_order else SHOWN]
        rest = total - sum(count for count, _ in best)
        caption = f"{len(found):,} different tokens begin this {'part' if len(names) > 1 else 'field'}."
        if rest:
            caption += f" The {len(found) - len(best):,} that are not shown have {rest / total:.1%} of the values."
        shares = [count / total for count, _ in best]
        texts = [f"{share:.1%}" for share in shares]
        names_shown = [text.removeprefix(names[part]).strip().removeprefix("=") for _, text in best]
        yield bar_chart(title, names_shown, {"share": shares}, "share of values", caption, texts=texts)


def vocabulary_table(tokenizer: DomainTokenizer, counts: NDArray[np.int64]) -> Table:
    """A row for each kind of token of each field: how many there are, how many occur, and the most frequent."""
    groups: dict[tuple[str, str | None], list[int]] = {}
    for number, token in enumerate(tokenizer.vocabulary):
        groups.setdefault((token.kind, token.field), []).append(number)
    total = max(1, int(counts.sum()))
    rows = []
    for (kind, field), ids in groups.items():
        own = np.array(ids)
        # the four most frequent, of equal ones those with the lower ids
        best = own[np.argsort(-counts[own], kind="stable")[:4]]
        names = " ".join(tokenizer.vocabulary.token(int(number)).name for number in best if counts[number])
        rows.append([
            kind, field or "", f"{len(ids):,}", f"{int(np.count_nonzero(counts[own])):,}",
            f"{counts[own].sum() / total:.1%}", names,
        ])  # fmt: skip
    return Table(("kind", "field", "tokens", "in use", "share", "most frequent"), tuple(tuple(row) for row in rows))


def length_edges(lengths: NDArray[np.int64]) -> list[float]:
    """Edges of a histogram of lengths: powers, but whole."""
    longest = int(lengths.max(initial=1))
    # 1.35 leaves short lengths a bar of their own
    edges = sorted({1, *(math.ceil(1.35**k) for k in range(1, 80) if 1.35**k <= longest)})
    return [float(edge) for edge in [*edges, longest + 1]]


def length_figure(lengths: NDArray[np.int64], events: str = "events of a history") -> Figure:
    """The lengths of histories."""
    edges = length_edges(lengths)
    counted, _ = np.histogram(lengths, edges)
    middle = float(np.median(lengths)) if len(lengths) else 0.0
    caption = (
        f"{len(lengths):,} histories; half have at most {middle:,.0f} events, the longest has "
        f"{int(lengths.max(initial=0)):,}."
    )
    kwargs: dict[str, Any] = {"log_x": len(edges) > 6, "y_label": "share of histories"}
    return histogram("Lengths", edges, {"histories": counted.tolist()}, events, caption, **kwargs)
