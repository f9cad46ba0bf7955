"""`score_values`: the probability of each value of a field in the next event, by a model of either kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.generate.constraints.canonical_fields import CanonicalField
from domaintoolkit.generate.constraints.token_tables import TokenTables
from domaintoolkit.generate.token_value_scores import TokenValueScorer
from domaintoolkit.generate.value_scores import ValueScorer, ValueTokens
from domaintoolkit.model.event_model import EventModel
from domaintoolkit.model.token_model import TokenModel
from domaintoolkit.streams import Streams
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.ragged import Ragged, cut_ranges, offsets_of, positions
from domaintoolkit.windows.packing import StoredHistories
from domaintoolkit.windows.prefixes import Prefixes, prefix_windows
from domaintoolkit.windows.window_rule import window_rule

__all__ = ["score_values"]

Ints = NDArray[np.integer[Any]]

TOKENS = 1 << 15
"""Tokens of streams that are read at a time, or one longer stream."""


def score_values(
    model: EventModel | TokenModel,
    tokenizer: DomainTokenizer,
    streams: Streams,
    field: str,
    values: Sequence[Any] | None = None,
) -> tuple[list[Any], NDArray[np.float32]]:
    """(values, probabilities (n, V)): how likely each is the value of a field in the event after each of n histories.

    Left out, `values` are all that have a token of their own; give those that are spelled, or are paths of several
    levels. A value of `None` is a missing one. Of a history longer than the model's block, the latest events are read.

    Raises `SchemaError` for a field that an event does not have, and for values that a token model cannot score.
    """
    model.check_vocabulary(tokenizer.vocabulary)
    bound = next((bound for bound in tokenizer.layout.events if bound.name == field), None)
    if bound is None:
        raise SchemaError([Problem("field", f"an event has no field {field!r}")])
    tables = TokenTables.of(tokenizer.grammar, tokenizer.vocabulary)
    own = CanonicalField(bound, tokenizer.types[field], tables)
    encoded: Sequence[tuple[int, ...]]
    if values is None:
        found = _values_with_tokens(own, np.flatnonzero(tables.starts[bound.first_place]))
        known, encoded = list(found.values()), [(token,) for token in found]
    else:
        known, encoded = list(values), bound.field.lookup(bound.ids)(list(values))
    if not known:
        raise SchemaError([Problem("values", f"no value of {field!r} has a token by itself: give the values")])
    table = ValueTokens(
        np.array([token for each in encoded for token in each], np.int64), np.cumsum([0, *map(len, encoded)])
    )
    made_of = (bound.first_place, table, tokenizer.schema.has_sessions)
    scorer = ValueScorer(model, *made_of) if isinstance(model, EventModel) else TokenValueScorer(model, *made_of)
    ids, offsets, events = _latest_windows(scorer, tokenizer, streams)
    made = []
    for low, high in cut_ranges(offsets, TOKENS):
        some = Ragged(ids, offsets).take(np.arange(low, high))
        cuts = [np.array([count]) for count in events[low:high]]
        made.append(scorer.log_probabilities(some.values, some.offsets, cuts))
    return known, np.exp(np.concatenate(made)) if made else np.empty((0, len(known)), np.float32)


def _latest_windows(
    scorer: ValueScorer | TokenValueScorer, tokenizer: DomainTokenizer, streams: Streams
) -> tuple[Ints, NDArray[np.int64], NDArray[np.int64]]:
    """(ids, offsets (n + 1,), events (n,)) of streams, of which the long ones keep the latest events that fit.

    These begin as the windows of training do.
    """
    events, lengths = np.diff(streams.event_offsets), np.diff(streams.offsets)
    rule = scorer.reading(window_rule(tokenizer))
    long = np.flatnonzero((events + 1 if rule.unit == "events" else lengths) > rule.capacity)
    histories = StoredHistories.of_streams(
        streams.ids, streams.offsets, streams.event_starts, streams.event_offsets, streams.times
    )
    windows = prefix_windows(histories, Prefixes(long, events[long], np.zeros_like(long)), rule)
    # (n,) where each lies among the tokens of all streams, followed by those of the windows
    begins = streams.offsets[:-1].copy()
    begins[long] = len(streams.ids) + windows.offsets[windows.window]
    lengths[long], events[long] = np.diff(windows.offsets)[windows.window], windows.known
    flat = np.concatenate([streams.ids, windows.ids])
    return flat[positions(begins, lengths)], offsets_of(lengths), events


def _values_with_tokens(field: CanonicalField, tokens: NDArray[np.int64]) -> dict[int, Any]:
    """The value of each token that reads as a value by itself, and that the encoder writes for this value."""
    found = {}
    for token in tokens.tolist():
        readable, value = field.read([token]) if token != field.null else (False, None)
        if readable and field.rewrite([token], ()) == (token,):
            found[token] = value
    return found
