"""What only a GPU can show: its attention kernels, its precision, and that nothing waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from toy_grammar import grammar, plain_layout, streams

from domaintoolkit.model import EventModel, TokenBatch, TokenModel, event_preset, events_from_streams, plan, preset
from domaintoolkit.model.layers.attention import Kernel, history_bounds
from domaintoolkit.model.layers.cross_entropy import cross_entropy
from domaintoolkit.model.targets import TargetFinder

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.filterwarnings("default"),  # an error from within the compiler is not what is warned of
]

SIZE = 300


@contextmanager
def no_waiting() -> Iterator[None]:
    """Whatever makes the program wait for the GPU is an error."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def token_model(kernel: Kernel | None = None, block: int = 256, **changes: Any) -> TokenModel:
    torch.manual_seed(1)
    model = TokenModel(preset("410k", SIZE, block=block, **changes), plain_layout(SIZE), "none")
    model.kernel = kernel
    return model


def token_batch(rows: int = 4, block: int = 256) -> TokenBatch:
    generator = np.random.default_rng(0)
    ids = torch.from_numpy(generator.integers(SIZE, size=(rows, block)))
    breaks = torch.from_numpy(generator.random((rows, block)) < 0.03)
    breaks[:, 0] = False
    documents = breaks.long().cumsum(1)
    documents[0, -9:] = -1
    return TokenBatch(ids, documents, history_bounds(documents))


def loss_and_gradients(model: Any, batch: Any, half: bool) -> tuple[float, torch.Tensor]:
    model.zero_grad()
    device = next(model.parameters()).device.type
    with torch.autocast(device, torch.bfloat16, enabled=half):
        report = model.loss(batch)
    report.loss.backward()
    return float(report.loss.detach()), torch.cat(
        [entry.grad.flatten().cpu() for entry in model.parameters() if entry.grad is not None]
    )


@pytest.mark.parametrize(
    ("kernel", "changes"),
    [
        ("dense", {}),
        ("flex", {"position": "rope"}),
        ("varlen", {"position": "rope"}),
        ("histories", {}),
        ("histories", {"position": "rope", "activation": "geglu"}),
        ("histories", {"parallel": True, "heads": 1}),
        ("histories", {"activation": "gelu", "norm": "layernorm", "bias": True, "heads": 8}),
    ],
)
def test_kernels_agree_with_the_dense_mask_on_a_cpu(kernel: Kernel, changes: dict[str, Any]) -> None:
    batch, half = token_batch(), kernel in ("varlen", "histories")
    wanted, gradients = loss_and_gradients(token_model("dense", **changes), batch, False)
    model = token_model(kernel, **changes).cuda()
    found, ours = loss_and_gradients(model, batch.to("cuda"), half)
    assert found == pytest.approx(wanted, rel=2e-3 if half else 1e-5)
    assert float((ours - gradients).norm() / gradients.norm()) < (2e-2 if half else 2e-4)


@pytest.mark.parametrize("size", [300, 4_000, 20_001])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_cross_entropy_agrees_with_torch(size: int, kind: torch.dtype) -> None:
    hidden = torch.randn(50, 64, device="cuda", requires_grad=True)
    weight = torch.randn(size, 64, device="cuda", requires_grad=True)
    targets = torch.randint(-1, size, (50,), device="cuda")
    with torch.autocast("cuda", kind, enabled=kind != torch.float32):
        mean, nats = cross_entropy(hidden, weight, targets)
    each = functional.cross_entropy(hidden @ weight.t(), targets, ignore_index=-1, reduction="none")
    close = 1e-4 if kind == torch.float32 else 2e-2
    torch.testing.assert_close(nats, each.detach(), rtol=close, atol=close * 5)
    wanted = torch.autograd.grad(each.sum() / (targets >= 0).sum(), [hidden, weight])
    for ours, theirs in zip(torch.autograd.grad(mean, [hidden, weight]), wanted, strict=True):
        assert float((ours - theirs).norm() / theirs.norm()) < close


def test_bf16_takes_the_kernel_that_needs_no_mask() -> None:
    with torch.autocast("cuda", torch.bfloat16):
        batch = token_batch().to("cuda")
        model = token_model().cuda()
        torch.cuda.reset_peak_memory_stats()
        model.loss(batch).loss.backward()
        without = torch.cuda.max_memory_allocated()
        model.kernel = "dense"
        torch.cuda.reset_peak_memory_stats()
        model.loss(batch).loss.backward()
    assert without < torch.cuda.max_memory_allocated()


def test_a_step_of_the_token_model_does_not_wait_for_the_gpu() -> None:
    model = token_model().cuda()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    batches = [token_batch().pin_memory() for _ in range(2)]
    step(model, optimizer, batches[0])
    with no_waiting():
        step(model, optimizer, batches[1])


@pytest.mark.parametrize("sequential", [False, True])
def test_the_event_model_agrees_with_itself_on_a_cpu(sequential: bool) -> None:
    rules = grammar()
    ids, offsets, _ = streams(rules, 12)
    batch = events_from_streams(ids, offsets, rules).batch(np.arange(12) // 3, 32)
    batch = TargetFinder(rules)(batch)
    torch.manual_seed(1)
    model = EventModel(event_preset("54k", len(rules.place), sequential=sequential, block=32), rules, "none")
    wanted, gradients = loss_and_gradients(model, batch, False)
    found, ours = loss_and_gradients(model.cuda(), batch.to("cuda"), False)
    assert found == pytest.approx(wanted, rel=1e-4)
    assert float((ours - gradients).norm() / gradients.norm()) < 1e-3


def step(model: Any, optimizer: torch.optim.Optimizer, batch: Any) -> None:
    with torch.autocast("cuda", torch.bfloat16):
        loss = model.loss(batch.to("cuda", non_blocking=True)).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


@pytest.mark.parametrize("half", [False, True])
def test_the_compiled_model_agrees_with_the_eager_one(half: bool) -> None:
    batch = token_batch().to("cuda")
    wanted, gradients = loss_and_gradients(token_model().cuda(), batch, half)
    model = token_model().cuda()
    model.loss = torch.compile(model.loss)  # type: ignore[method-assign]
    found, ours = loss_and_gradients(model, batch, half)
    assert found == pytest.approx(wanted, rel=1e-3 if half else 1e-5)
    assert float((ours - gradients).norm() / gradients.norm()) < (2e-2 if half else 1e-3)


@pytest.mark.parametrize("name", ["410k", "24m"])
def test_the_plan_is_near_what_training_takes(name: str) -> None:
    batch, block = 16, 512
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    config = preset(name, 4_000, block=block)
    model = TokenModel(config, plain_layout(4_000), "none").cuda()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    ids = torch.randint(4_000, (batch, block))
    documents = torch.zeros_like(ids)
    for _ in range(3):
        step(model, optimizer, TokenBatch(ids, documents, history_bounds(documents)))
    found = torch.cuda.max_memory_allocated() - before
    assert plan(config, batch, block, "bf16", "l4").memory == pytest.approx(found, rel=0.2)
