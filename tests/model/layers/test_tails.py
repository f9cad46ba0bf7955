from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy_grammar import grammar

from domaintoolkit.model.config import event_preset
from domaintoolkit.model.layers.tails import FACTORS, SPREAD, TailDecoder, TailEncoder, Tails, can_continue

RULES = grammar()
PLACE, START = torch.from_numpy(RULES.place), torch.from_numpy(RULES.start)
NOTE = RULES.header_parts + RULES.event_parts - 1
PIECES = np.flatnonzero((RULES.place == NOTE) & ~RULES.start).tolist()
ALPHABET = [*PIECES, *RULES.bytes.tolist()]


WORDS = st.lists(st.sampled_from(ALPHABET), max_size=5)


def lined_up(words: list[list[int]]) -> Tails:
    lengths = torch.tensor([len(word) for word in words])
    flat = torch.tensor([token for word in words for token in word], dtype=torch.long)
    return Tails(flat, lengths.cumsum(0) - lengths, lengths)


@pytest.mark.slow
@given(st.lists(st.tuples(WORDS, st.none() | WORDS, st.booleans()), min_size=1, max_size=5), st.integers(0, 99))
def test_a_tail_costs_what_a_step_by_step_softmax_says(
    pairs: list[tuple[list[int], list[int] | None, bool]], seed: int
) -> None:
    torch.manual_seed(seed)
    config = event_preset("54k", len(RULES.place))
    decoder = TailDecoder(config)
    decoder.tabulate(PLACE, START)
    torch.nn.init.normal_(decoder.end, std=0.1)
    embedded, scored = torch.randn(len(PLACE), config.cell), torch.randn(len(PLACE), config.cell + 1) / 10
    words = [word for word, _, _ in pairs]
    before = [word if same else other for word, other, same in pairs]
    context, first = torch.randn(len(words), config.width), torch.randn(len(words), config.cell)
    expected = lined_up([word or [] for word in before])
    expected.length[[number for number, word in enumerate(before) if word is None]] = -1
    loss, nats = decoder.loss(NOTE, context, first, lined_up(words), expected, embedded, scored)
    rows = torch.cat((scored[ALPHABET], decoder.end))
    each = torch.zeros(len(words))
    for at, (word, earlier) in enumerate(zip(words, before, strict=True)):
        state, entry = torch.tanh(decoder.begin(context[at : at + 1]))[None], first[at]
        for step, token in enumerate([*word, None]):
            out, state = decoder.steps(entry[None, None], state)
            query = decoder.query(out[0, 0])
            if earlier is not None and earlier[:step] == word[:step] and step <= len(earlier):
                likely = ALPHABET.index(earlier[step]) if step < len(earlier) else len(ALPHABET)
                query = query + decoder.repeat(out[0, 0]) * rows[likely, :-1] / SPREAD
            rank = len(ALPHABET) if token is None else ALPHABET.index(token)
            each[at] -= (rows[:, :-1] @ query + rows[:, -1]).log_softmax(0)[rank]
            entry = embedded[token] if token is not None else entry
    torch.testing.assert_close(loss, each.sum(), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(nats, each, rtol=1e-4, atol=1e-3)


def test_the_encoder_adds_the_weighted_mean() -> None:
    encoder = TailEncoder()
    torch.nn.init.normal_(encoder.factors)
    embedded = torch.randn(FACTORS + 3, 4)
    offsets = torch.tensor([0, 1, FACTORS + 3])
    out = encoder(torch.zeros(5, 4), torch.tensor([1, 3]), offsets, embedded)
    factors = torch.cat((encoder.factors, encoder.factors[-1:].expand(2)))
    long = (embedded[1:] * factors[: FACTORS + 2, None]).mean(0)
    torch.testing.assert_close(out[3], long)
    torch.testing.assert_close(out[1], embedded[0] * factors[0])
    assert not out[[0, 2, 4]].any()


def test_what_can_go_on_is_told_by_the_grammar() -> None:
    found = can_continue(PLACE, START, torch.from_numpy(RULES.fusible))
    own = RULES.start & ((RULES.place == NOTE) | ~RULES.fusible)
    assert found.tolist() == own.tolist()
