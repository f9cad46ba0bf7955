from __future__ import annotations

import numpy as np
import pytest

from domaintoolkit.encoders import Slot
from domaintoolkit.errors import VocabularyError
from domaintoolkit.grammar import FieldParts, Place
from domaintoolkit.vocabulary import Token, Vocabulary, byte_tokens, grammar_of, slot_token, special_tokens

HEADER = [FieldParts("country"), FieldParts(None, 3, ("year", "month", "day"))]
EVENTS = [FieldParts("brand"), FieldParts("time", 2)]


def _tokens() -> list[Token]:
    return [
        *special_tokens(),
        slot_token("country", Slot("value", "de", "=de"), "static"),
        slot_token(None, Slot("day", "1", " day=1", part=2), "anchor"),
        slot_token("brand", Slot("value", "a", "=a")),
        slot_token("time", Slot("null", "", " null", whole=True)),
        slot_token("time", Slot("delta", "1", " delta 1", part=1)),
        *byte_tokens(),
        slot_token("brand", Slot("piece", '"a"', ' "a"', start=False, fusible=False)),
        Token("composite", None, "[5,7]", "[brand=a]+[time delta 1]"),
        Token("custom", None, "x", "x"),
    ]


def test_places() -> None:
    tokens = _tokens()
    grammar = grammar_of(Vocabulary(tokens), HEADER, EVENTS)
    assert (grammar.header_parts, grammar.event_parts) == (4, 3)
    others = grammar.place[[*range(8), *range(264, 267)]]
    assert others.tolist() == [
        Place.PAD, Place.BOS, Place.SESSION, 0, 3, 4, 5, 6, 4, Place.COMPOSITE, Place.OTHER
    ]  # fmt: skip
    assert (grammar.place[8:264] == Place.BYTE).all()
    assert np.flatnonzero(grammar.start).tolist() == [3, 4, 5, 6, 7]
    assert grammar.fills[:8].tolist() == [0, 0, 0, 1, 1, 1, 2, 1]
    assert np.flatnonzero(grammar.fusible).tolist() == [3, 4, 5, 6, 7]
    assert (grammar.pad, grammar.bos, grammar.session) == (0, 1, 2)
    assert grammar.bytes.tolist() == list(range(8, 264))
    assert grammar.part_names[:4] == ("country", "anchor.year", "anchor.month", "anchor.day")
    assert grammar.part_names[4:] == ("brand", "time.0", "time.1")
    assert grammar.part_fields == ("country", None, None, None, "brand", "time", "time")
    assert grammar.place.dtype == np.int16


@pytest.mark.parametrize(
    ("tokens", "events", "message"),
    [
        (_tokens()[1:], EVENTS, "special PAD"),
        (_tokens()[:100], EVENTS, "byte ff"),
        (_tokens(), EVENTS[:1], "part 0 of field 'time'"),
        (_tokens(), [FieldParts("brand"), FieldParts("time")], "part 1 of field 'time'"),
        (_tokens(), [*EVENTS, FieldParts("brand")], "listed twice"),
        (_tokens(), [FieldParts("brand"), FieldParts("time", 2, ("one",))], "2 parts"),
    ],
)
def test_what_does_not_fit_is_refused(tokens: list[Token], events: list[FieldParts], message: str) -> None:
    with pytest.raises(VocabularyError, match=message):
        grammar_of(tokens, HEADER, events)
