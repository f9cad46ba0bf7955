"""The parser of streams: base ids to one span of tokens for each part of each header and event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import DecodeError
from domaintoolkit.grammar.events import EventIndex
from domaintoolkit.grammar.grammar import Syntax
from domaintoolkit.grammar.places import Place

__all__ = ["Spans", "check_ids", "parse_spans"]

Ints = NDArray[np.integer[Any]]
Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spans:
    """The k sequences of n streams in their order; each [BOS] and each [SESSION] is one too.

    A part that an earlier token of its field fills has no span.
    """

    begins: Longs
    """(k,) where each span begins in the ids."""
    lengths: Longs
    """(k,) its number of tokens."""
    firsts: Longs
    """(k,) its first token."""
    places: Longs
    """(k,) its part, or `Place.BOS` or `Place.SESSION`."""
    header_parts: int

    @property
    def streams(self) -> Longs:
        """(k,) the stream of each span, from 0."""
        return np.cumsum(self.places == Place.BOS) - 1

    @property
    def events(self) -> Longs:
        """(k,) the event of each span of an event part, counted over all streams."""
        return np.cumsum(self.places == self.header_parts) - 1

    def index(self, offsets: Ints) -> EventIndex:
        """The positions at which events begin, in streams with these offsets."""
        # (events,) every stream begins with [BOS], so there is a span before each of these
        opening = np.flatnonzero(self.places == self.header_parts)
        has_session = self.places[opening - 1] == Place.SESSION
        begins = self.begins[opening]
        return EventIndex(begins - has_session, np.searchsorted(begins, offsets), has_session)


def parse_spans(ids: Ints, offsets: Ints, grammar: Syntax, cut: bool = False) -> Spans:
    """The spans of the streams `ids[offsets[i]:offsets[i + 1]]` in base ids.

    With `cut`, the last event of each stream may end early. Raises `DecodeError`, with the stream and the position in
    it, for ids that are not such streams.
    """
    check_ids(ids, offsets, len(grammar.place))
    empty = np.flatnonzero(np.diff(offsets) < 1)
    if len(empty):
        raise DecodeError("a stream is empty", int(empty[0]), 0)
    # (V,) True for tokens that begin a span; all others continue one
    begins_span = grammar.start | (grammar.place == Place.BOS) | (grammar.place == Place.SESSION)
    # (k,) each from here on
    begins = np.flatnonzero(begins_span[ids])
    firsts = ids[begins].astype(np.int64)
    lengths = np.diff(begins, append=len(ids))
    # in this order: the later checks are only right for streams that each begin with their [BOS]
    spans = Spans(begins, lengths, firsts, grammar.place[firsts].astype(np.int64), grammar.header_parts)
    problem = _find_misplaced_bos(spans, offsets)
    problem = problem or _find_disorder(spans, grammar, cut) or _find_stray(spans, ids, grammar)
    if problem is not None:
        raise _explain(*problem, ids, offsets, grammar)
    return spans


def check_ids(ids: Ints, offsets: Ints, size: int) -> None:
    """Raise `DecodeError`, with the stream and the position in it, if one of the ids is not below `size`."""
    if len(ids) and (int(ids.max()) >= size or int(ids.min()) < 0):
        at = int(((ids < 0) | (ids >= size)).argmax())
        raise _error(offsets, at, f"no token has the id {int(ids[at])}")


Problem = tuple[int, str]
"""The position in the ids, and the reason."""


def _find_misplaced_bos(spans: Spans, offsets: Ints) -> Problem | None:
    """Every stream begins with [BOS], and has no other."""
    heads = spans.begins[spans.places == Place.BOS]  # (streams,) if all is well
    if np.array_equal(heads, offsets[:-1]):
        return None
    return int(np.setxor1d(heads, offsets[:-1])[0]), "a stream begins with [BOS], and has it nowhere else"


def _find_disorder(spans: Spans, grammar: Syntax, cut: bool) -> Problem | None:
    """After [BOS] come the header's parts in order, then every event's parts in order."""
    header, end = grammar.header_parts, grammar.parts
    # (k,) the place that must come next after each span, and the one that does; [BOS] if its stream ends there
    expected = spans.places + grammar.fills[spans.firsts]
    expected[spans.places == Place.BOS] = 0
    expected[spans.places == Place.SESSION] = header
    found = np.append(spans.places[1:], Place.BOS)
    ends = found == Place.BOS
    good = (found == expected) & (found >= 0)  # (k,) a part after the part before it
    # after the last part of an event: the end of the stream, or another event
    good |= (expected == end) & (ends | (found == header) | (found == Place.SESSION))
    good |= (expected == header) & ends & (spans.places != Place.SESSION)  # a stream without events
    if cut:
        # an event that is cut off, but not a header: places below `header` are of header parts
        good |= ends & (expected >= header)
    if good.all():
        return None
    k = int(good.argmin())
    # a stream that ends early is at fault in its last token, and not in the [BOS] of the next stream
    at = spans.begins[k] + spans.lengths[k] - 1 if ends[k] else spans.begins[k + 1]
    wanted = grammar.part_names[expected[k]] if expected[k] < end else "an event or the end"
    return int(at), f"expected {wanted}"


def _find_stray(spans: Spans, ids: Ints, grammar: Syntax) -> Problem | None:
    """A token that begins no span continues the part of the span that it is in, or is a byte."""
    if len(spans.begins) == len(ids):
        return None
    # (tokens,) the place of the span that each token lies in
    owner = np.repeat(spans.places, spans.lengths)
    place = grammar.place[ids]
    # a byte continues any part, but neither [BOS] nor [SESSION]
    wrong = (place != owner) & (place != Place.BYTE) | ((owner < 0) & (place == Place.BYTE))
    return (int(wrong.argmax()), "a token that continues nothing before it") if wrong.any() else None


def _explain(at: int, reason: str, ids: Ints, offsets: Ints, grammar: Syntax) -> DecodeError:
    """The problem, or a token that belongs to no base stream, which is its likely cause."""
    place = grammar.place[ids]
    foreign = (place == Place.COMPOSITE) | (place == Place.PAD) | (place == Place.OTHER)  # (tokens,)
    if not foreign.any():
        return _error(offsets, at, reason)
    at = int(foreign.argmax())
    what = {
        Place.COMPOSITE: "a composite: expand streams into base tokens first",
        Place.PAD: "padding, which is not part of a stream",
    }
    return _error(offsets, at, what.get(Place(place[at]), "a custom token, which is not part of a stream"))


def _error(offsets: Ints, at: int, reason: str) -> DecodeError:
    # "right": of several streams that begin at `at`, all but the last are empty
    stream = int(np.searchsorted(offsets, at, side="right")) - 1
    return DecodeError(reason, stream, at - int(offsets[stream]))
