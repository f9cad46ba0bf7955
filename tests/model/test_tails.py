from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.model._config import event_preset
from domaintoolkit.model._tails import FACTORS, TailDecoder, TailEncoder, Tails, can_continue

from .toys import grammar

RULES = grammar()
PLACE, START = torch.from_numpy(RULES.place), torch.from_numpy(RULES.start)
NOTE = RULES.header_parts + RULES.event_parts - 1
PIECES = np.flatnonzero((RULES.place == NOTE) & ~RULES.start).tolist()
ALPHABET = [*PIECES, *RULES.bytes.tolist()]


@given(st.lists(st.lists(st.sampled_from(ALPHABET), max_size=5), min_size=1, max_size=5), st.integers(0, 99))
def test_a_tail_costs_what_a_step_by_step_softmax_says(words: list[list[int]], seed: int) -> None:
    torch.manual_seed(seed)
    config = event_preset("54k", len(RULES.place))
    decoder = TailDecoder(config)
    decoder.tabulate(PLACE, START)
    torch.nn.init.normal_(decoder.end, std=0.5)
    embedding, output = torch.randn(2, len(PLACE), config.cell)
    context, first = torch.randn(len(words), config.width), torch.randn(len(words), config.cell)
    lengths = torch.tensor([len(word) for word in words])
    tails = Tails(
        torch.tensor([token for word in words for token in word], dtype=torch.long),
        lengths.cumsum(0) - lengths,
        lengths,
    )
    loss, nats = decoder.loss(NOTE, context, first, tails, embedding, output)
    rows = torch.cat((output[ALPHABET], decoder.end))
    wanted = torch.zeros(())
    for at, word in enumerate(words):
        state, entry = torch.tanh(decoder.begin(context[at : at + 1]))[None], first[at]
        for token in [*word, None]:
            out, state = decoder.steps(entry[None, None], state)
            rank = len(ALPHABET) if token is None else ALPHABET.index(token)
            wanted = wanted - (rows @ out[0, 0]).log_softmax(0)[rank]
            entry = embedding[token] if token is not None else entry
    torch.testing.assert_close(loss, wanted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(nats, wanted.detach(), rtol=1e-4, atol=1e-4)


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
