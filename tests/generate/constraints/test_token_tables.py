from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from toy_grammar import EVENTS, HEADER, tokens

from domaintoolkit.generate.constraints.token_tables import BROKEN, TokenTables
from domaintoolkit.vocabulary import Token, Vocabulary
from domaintoolkit.vocabulary.token_grammar import grammar_of

PIECES = [Token("piece", "note", f"piece:{key}", f"[note {key}]", start=False) for key in ('"ç"', "0xc3", "0xa9c3")]
VOCABULARY = Vocabulary.from_tokens([*(token for token in tokens() if token.kind != "piece"), *PIECES])
TABLES = TokenTables.of(grammar_of(VOCABULARY.tokens, HEADER, EVENTS), VOCABULARY)


@given(st.lists(st.sampled_from(sorted(TABLES.text_bytes)), max_size=8))
def test_the_automaton_knows_what_can_become_utf8(run: list[int]) -> None:
    state = 0
    for token in run:
        state = int(TABLES.utf8[state, token]) if state != BROKEN else BROKEN
    data = b"".join(TABLES.text_bytes[token] for token in run)
    assert (state == 0) == valid(data)
    assert (state != BROKEN) == any(valid(data + rest) for rest in rests())


def rests() -> list[bytes]:
    tails = [b"", b"\x80", b"\x90", b"\xa0"]
    return [one + two + three for one in tails for two in tails for three in tails]


def valid(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(st.text(max_size=5))
def test_every_text_passes(text: str) -> None:
    state = 0
    for byte in text.encode():
        state = int(TABLES.utf8[state, TABLES.grammar.bytes[byte]])
    assert state == 0


def test_fields_end_where_the_next_begins() -> None:
    spans = [TABLES.field_span(place) for place in range(TABLES.grammar.parts)]
    assert [end for _, end in spans] == [1, 4, 4, 4, 5, 8, 8, 8, 10, 10, 11]
    assert [first for first, _ in spans] == [0, 1, 1, 1, 4, 5, 5, 5, 8, 8, 10]
    assert np.flatnonzero(TABLES.text[10]).tolist() == sorted(TABLES.text_bytes)


def test_composites_begin_and_continue_nothing() -> None:
    extended = VOCABULARY.extend([Token("composite", None, "x", "[a]+[b]", start=False)])
    base = TokenTables.of(grammar_of(extended.tokens, HEADER, EVENTS), extended)
    assert not base.starts[:, -1].any()
    assert not base.text[:, -1].any()
