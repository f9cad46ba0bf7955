from __future__ import annotations

from typing import Any

import pytest
import torch
from toy_grammar import plain_layout

from domaintoolkit.errors import LookupFailedError, SchemaError
from domaintoolkit.model import DEVICES, PRESETS, TokenBatch, TokenModel, parameters, plan, preset
from domaintoolkit.model.planning import GIB, activation_bytes, training_flops


def kept(model: TokenModel, batch: TokenBatch, half: bool) -> int:
    """Bytes of the distinct tensors that a forward pass keeps, parameters and their copies left out."""
    sizes: dict[int, int] = {}
    holders: list[torch.Tensor] = []
    own = {entry.untyped_storage().data_ptr() for entry in model.parameters()}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own and len(tensor) >= batch.ids.shape[0]:
            holders.append(tensor)
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=half, cache_enabled=False),
    ):
        model.hidden(batch.ids, batch.documents)
    weights = sum(entry.numel() for name, entry in model.named_parameters() if ".attn_layers." in name)
    return sum(sizes.values()) - (2 * weights if half else 0)


@pytest.mark.slow
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("changes", [{}, {"activation": "gelu", "norm": "layernorm", "bias": True}, {"parallel": True}])
def test_activations_are_those_that_a_model_keeps(half: bool, changes: dict[str, Any]) -> None:
    config = preset("3m", 64, block=128, **changes)
    model = TokenModel(config, plain_layout(64), "none")
    ids = torch.randint(64, (8, 128))
    found = kept(model, TokenBatch(ids, torch.zeros_like(ids)), half)
    wanted = 8 * activation_bytes(config, 128, "bf16" if half else "fp32", "cpu")
    assert found == pytest.approx(wanted, rel=0.15)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("device", DEVICES)
def test_plans_add_up(name: str, device: str) -> None:
    config = preset(name, 4_000)
    found = plan(config, device=device, tokens=1_000_000)
    assert (found.parameters, found.non_embedding) == parameters(config)
    assert found.memory == found.weights + found.gradients + found.optimizer + found.activations
    assert found.cost == pytest.approx(found.seconds / 3600 * found.device.price)
    edge = plan(config, tokens=1).largest_batch
    if edge:
        assert plan(config, batch=edge, device="l4").fits
    assert not plan(config, batch=edge + 1, device="l4").fits
    labels = dict(found.rows())
    assert "modelled" in labels["device"] or device == "cpu"
    assert f"{found.parameters:,}" in labels["parameters"]


def test_the_published_run() -> None:
    """45.2M tokens of the 24m preset in 344 s on an L4 are 12 to 15% of its peak."""
    config = preset("24m", 4_000)
    share = training_flops(config, 512) * 45.2e6 / 344 / DEVICES["l4"].bf16
    assert 0.12 < share < 0.16
    found = plan(config, batch=32, tokens=45_200_000, utilisation=share)
    assert found.seconds == pytest.approx(344)
    assert found.memory < 24 * GIB


def test_bad_settings_are_refused() -> None:
    config = preset("54k", 10)
    with pytest.raises(LookupFailedError, match="a100"):
        plan(config, device="v100")
    with pytest.raises(SchemaError) as caught:
        plan(config, batch=0, tokens=-1, utilisation=2)
    assert {problem.path for problem in caught.value.problems} == {"batch", "tokens", "utilisation"}
