from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.attention.flex_attention import flex_attention
from toy_grammar import grammar, plain_layout, streams

from domaintoolkit.errors import DataError
from domaintoolkit.grammar import Place
from domaintoolkit.model import PRESETS, TokenBatch, TokenModel, preset
from domaintoolkit.model.layers.attention import attend, history_bounds, pack
from domaintoolkit.model.layers.decoder import Cache

SHAPES = st.fixed_dictionaries(
    {
        "position": st.sampled_from(["none", "rope", "learned", "rope+learned"]),
        "norm": st.sampled_from(["rmsnorm", "layernorm"]),
        "activation": st.sampled_from(["swiglu", "geglu", "gelu"]),
        "bias": st.booleans(),
        "parallel": st.booleans(),
        "tied": st.booleans(),
    }
)


def small(size: int = 20, **changes: Any) -> TokenModel:
    torch.manual_seed(1)
    model = TokenModel(preset("54k", size, block=32, **changes), plain_layout(size), "none")
    for entry in model.parameters():
        torch.nn.init.normal_(entry, std=0.3)
    return model.eval()


@pytest.mark.slow
@given(SHAPES)
def test_serial_blocks_compute_what_x_transformers_computes(shape: dict[str, Any]) -> None:
    model = small(**{**shape, "parallel": False})
    ids = torch.randint(20, (2, 12))
    torch.testing.assert_close(model(ids), model.transformer(ids), rtol=1e-3, atol=1e-3)


@pytest.mark.slow
@given(SHAPES, st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_packed_histories_are_read_as_if_alone(shape: dict[str, Any], sizes: list[int]) -> None:
    model = small(**shape)
    histories = [torch.randint(20, (1, size)) for size in sizes]
    documents = torch.cat([torch.full((1, size), number) for number, size in enumerate(sizes)], 1)
    packed = model(torch.cat(histories, 1), documents)
    alone = torch.cat([model(history) for history in histories], 1)
    torch.testing.assert_close(packed, alone, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
@given(SHAPES)
def test_no_gradient_flows_from_another_history_or_from_later(shape: dict[str, Any]) -> None:
    model = small(**shape)
    documents = torch.tensor([[0] * 5 + [1] * 6 + [2] * 3])
    seen: list[torch.Tensor] = []
    model.transformer.emb_dropout.register_forward_pre_hook(lambda _, inputs: _watch(seen, inputs))
    hidden = model.hidden(torch.randint(20, (1, 14)), documents)
    (grad,) = torch.autograd.grad(hidden[0, 8].square().sum(), seen)
    touched = grad[0].abs().sum(1) > 0
    assert touched.tolist() == [5 <= at <= 8 for at in range(14)]


def _watch(seen: list[torch.Tensor], inputs: Any) -> Any:
    seen.append(inputs[0].detach().requires_grad_())
    return (seen[-1],)


@pytest.mark.slow
@given(SHAPES, st.integers(1, 7), st.integers(1, 4))
def test_reading_in_steps_with_a_cache_equals_reading_at_once(shape: dict[str, Any], first: int, step: int) -> None:
    model, ids = small(**shape), torch.randint(20, (2, 14))
    with torch.no_grad():
        whole = model.hidden(ids)
        cache = Cache()
        parts = [
            model.read(piece, torch.ones_like(piece, dtype=torch.bool), cache)
            for piece in (ids[:, :first], *ids[:, first:].split(step, 1))
        ]
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=1e-3, atol=1e-3)


def test_a_cache_holds_rows_of_different_lengths() -> None:
    model, ids = small(position="rope"), torch.randint(20, (2, 8))
    real = torch.ones(2, 8, dtype=torch.bool)
    real[1, 5:] = False
    cache, last = Cache(), torch.randint(20, (2, 1))
    with torch.no_grad():
        model.read(ids, real, cache)
        found = model.read(last, torch.ones(2, 1, dtype=torch.bool), cache)[1, 0]
        wanted = model.hidden(torch.cat((ids[1:, :5], last[1:]), 1))[0, -1]
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)


SMALL = [name for name in PRESETS if name not in ("85m", "200m", "330m")]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), [*((name, 1_000) for name in PRESETS), *((name, 64) for name in SMALL)])
def test_first_loss_is_that_of_a_uniform_guess(name: str, size: int) -> None:
    torch.manual_seed(0)
    model = TokenModel(preset(name, size), plain_layout(size), "none")
    ids = torch.randint(size, (2, 48))
    with torch.no_grad():
        loss = model.loss(TokenBatch(ids, torch.zeros_like(ids))).loss
    assert loss.item() == pytest.approx(math.log(size), rel=0.03)


@pytest.mark.slow
@given(st.integers(0, 50))
def test_loss_is_the_nats_of_every_token_that_follows_another(seed: int) -> None:
    rules = grammar()
    ids, offsets, events = streams(rules, 4, seed)
    model = TokenModel(preset("54k", len(rules.place)), rules, "none")
    documents = torch.zeros(1, len(ids) + 2, dtype=torch.long)
    for number in range(4):
        documents[0, offsets[number] : offsets[number + 1]] = number
    documents[0, -2:] = -1
    block = torch.nn.functional.pad(torch.from_numpy(ids)[None], (0, 2), value=rules.pad)
    report = model.loss(TokenBatch(block, documents))
    logits = model(block, documents)[0].log_softmax(1)
    nats = -logits[torch.arange(len(ids) - 1), torch.from_numpy(ids[1:])]
    inside = torch.from_numpy(~(rules.place[ids[1:]] == Place.BOS))
    assert int(report.tokens) == int(inside.sum())
    assert int(report.events) == sum(events)
    torch.testing.assert_close(report.loss, nats[inside].mean(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(report.nats_by_part.sum(), nats[inside].sum().detach(), rtol=1e-4, atol=1e-3)
    assert model.part_names == (*rules.part_names[rules.header_parts :], "[SESSION]", "[composite]", "[header]")


def test_owners_follow_the_part_that_a_token_continues() -> None:
    rules = grammar()
    model = TokenModel(preset("54k", len(rules.place)), rules, "none")
    spell = next(i for i in range(len(rules.place)) if rules.start[i] and rules.place[i] == rules.header_parts)
    ids = torch.tensor([[rules.bos, rules.bytes[4], rules.session, spell, rules.bytes[5], rules.bytes[6]]])
    parts = rules.event_parts
    assert model.owners(ids).tolist() == [[parts + 2, parts + 2, parts, 0, 0, 0]]


def test_learned_positions_end() -> None:
    with pytest.raises(DataError, match="longer than the block of 32"):
        small(position="learned")(torch.zeros(1, 33, dtype=torch.long))


def test_kernels_agree() -> None:
    documents = torch.tensor([[0, 0, 1, 1, 1, -1], [0, 0, 0, 0, 0, 0]])
    model, ids = small(), torch.randint(20, (2, 6))
    dense = model(ids, documents)
    torch.testing.assert_close(dense[1], model(ids[1:])[0], rtol=1e-3, atol=1e-3)
    packing = pack(documents, (2, 6), 16, ids.device, "varlen")
    assert packing.mask.tolist() == [0, 2, 5, 6, 12]
    assert packing.positions.tolist() == [[0, 1, 0, 1, 2, 0], [0, 1, 2, 3, 4, 5]]


@pytest.mark.slow
@given(st.lists(st.lists(st.integers(1, 7), min_size=1, max_size=5), min_size=1, max_size=3))
def test_every_kernel_is_told_the_same(rows: list[list[int]]) -> None:
    """What flex attention may look at, what lies between the bounds of varlen, and what our own kernel sees of a row's
    history is what the dense mask lets through; so the gradients that it holds back are held back on a GPU too."""
    documents = torch.full((len(rows), 40), -1)
    for row, sizes in enumerate(rows):
        flat = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
        documents[row, : len(flat)] = flat
    shape, device = (len(rows), 40), documents.device
    dense = pack(documents, shape, 16, device, "dense").mask[:, 0]
    flex = pack(documents, shape, 16, device, "flex").mask
    at = torch.arange(40)
    seen = flex.mask_mod(torch.arange(len(rows))[:, None, None], 0, at[:, None], at)
    assert torch.equal(seen, dense)
    bounds = pack(documents, shape, 16, device, "varlen", history_bounds(documents)).mask.tolist()
    flat = torch.zeros(len(rows) * 40, len(rows) * 40, dtype=torch.bool)
    for low, high in itertools.pairwise(bounds):
        flat[low:high, low:high] = torch.ones(high - low, high - low, dtype=torch.bool).tril()
    assert torch.equal(flat, torch.block_diag(*dense).bool())
    first, last = pack(documents, shape, 16, device, "histories").mask
    own = torch.arange(len(rows) * 40)
    assert torch.equal((own >= first[:, None]) & (own <= own[:, None]), flat)
    assert torch.equal((own >= own[:, None]) & (own < last[:, None]), flat.t())


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1])
def test_tiles_of_the_dense_mask_compute_the_same(share: float) -> None:
    documents = (torch.rand(3, 300) < share).long().cumsum(1)
    documents[0, -40:] = -1
    tiled = pack(documents, (3, 300), 16, documents.device, "dense")
    assert len(tiled.tiles) == 3
    parts = torch.randn(3, 3, 2, 300, 16, requires_grad=True)
    found, wanted = (attend(*parts, packing) for packing in (tiled, replace(tiled, tiles=())))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    gradients = [torch.autograd.grad(out.square().sum(), parts)[0] for out in (found, wanted)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_flex_attention_computes_what_the_dense_mask_does() -> None:
    documents = torch.tensor([[0] * 50 + [1] * 70 + [-1] * 8, [0] * 128])
    query, key, value = torch.randn(3, 2, 2, 128, 16)
    masks = [pack(documents, (2, 128), 16, documents.device, kernel) for kernel in ("dense", "flex")]
    with torch.no_grad():
        wanted = attend(query, key, value, masks[0])
        found = flex_attention(query, key, value, block_mask=masks[1].mask)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
