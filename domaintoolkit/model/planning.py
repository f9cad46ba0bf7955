"""Estimate what a training run of the token model takes: memory, arithmetic, time and money.

Everything here is a model of the machine, not a measurement; a test holds the parameters and the activations
against those of built models, and benchmarks/model_memory.py the memory against that of training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field as Constraint

from domaintoolkit.errors import LookupFailedError
from domaintoolkit.model.config import TokenModelConfig, parameters
from domaintoolkit.model.layers.cross_entropy import GPU_SLICE, SLICE
from domaintoolkit.schema.declaration import declaration

__all__ = ["DEVICES", "Device", "Plan", "plan"]

Precision = Literal["fp32", "bf16"]
Kind = Literal["cpu", "gpu"]

GIB = 1 << 30
RESERVED = 0.06
"""Share of a device's memory that its context and fragmentation take."""
WORKING = {"cpu": 1.5, "gpu": 0.2}
"""Memory of a layer's backward pass, as a share of the memory that the layer keeps and in addition to it: fitted to
measurements (benchmarks/model_memory.py)."""


@dataclass(frozen=True, slots=True)
class Device:
    """Peaks are dense, as the maker states them; prices are a cloud's list price for one, on demand, in 2025."""

    name: str
    memory: float
    """GiB"""
    bf16: float
    """FLOP/s"""
    fp32: float
    price: float
    """US dollars an hour."""
    utilisation: float
    """Share of the peak that a run of this kind is taken to reach by default."""
    note: str = ""


DEVICES = {
    "l4": Device("l4", 24, 121e12, 30e12, 0.71, 0.35, "modelled: no L4 was measured"),
    "a10": Device("a10", 24, 125e12, 31e12, 1.01, 0.35, "modelled: no A10 was measured"),
    "a100": Device("a100", 80, 312e12, 19.5e12, 3.67, 0.4, "modelled: no A100 was measured"),
    "h100": Device("h100", 80, 989e12, 67e12, 6.98, 0.35, "modelled; one reached 41% with 24m compiled, 42% with 85m"),
    "cpu": Device("cpu", 16, 0.6e12, 0.2e12, 0.1, 0.5, "2 cores of a server of 2023 with matrix units"),
}


@declaration
class _Run:
    """The settings of a plan, checked."""

    batch: Annotated[int, Constraint(ge=1)]
    block: Annotated[int, Constraint(ge=1)]
    tokens: Annotated[int, Constraint(ge=1)]
    precision: Precision
    utilisation: Annotated[float, Constraint(gt=0, le=1)] | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Memory in bytes, time in seconds, cost in US dollars."""

    device: Device
    precision: Precision
    batch: int
    block: int
    tokens: int
    parameters: int
    non_embedding: int
    weights: int
    gradients: int
    optimizer: int
    activations: int
    largest_batch: int
    """Blocks that fit into 24 GiB in one step; 0 if not even one does."""
    flops_per_step: float
    utilisation: float
    seconds: float
    cost: float

    @property
    def memory(self) -> int:
        """All parts together."""
        return self.weights + self.gradients + self.optimizer + self.activations

    @property
    def fits(self) -> bool:
        """True if it fits into the device's memory."""
        return self.memory <= self.device.memory * GIB * (1 - RESERVED)

    def rows(self) -> list[tuple[str, str]]:
        """(label, text) of everything, for people."""
        note = f" ({self.device.note})" if self.device.note else ""
        return [
            ("parameters", f"{self.parameters:,} ({self.non_embedding:,} without embeddings)"),
            ("device", f"{self.device.name}{note}"),
            *((name, _size(getattr(self, name))) for name in ("weights", "gradients", "optimizer")),
            ("activations", f"{_size(self.activations)} at {self.batch} x {self.block} tokens in {self.precision}"),
            ("memory", f"{_size(self.memory)} of {self.device.memory:g} GiB{'' if self.fits else ': does not fit'}"),
            ("largest batch in 24 GiB", f"{self.largest_batch:,} blocks of {self.block}"),
            ("a step", f"{self.flops_per_step / 1e12:,.3g} TFLOP"),
            ("the run", f"{self.tokens:,} tokens, {-(-self.tokens // (self.batch * self.block)):,} steps"),
            ("time", f"{_time(self.seconds)} at {self.utilisation:.0%} of the device's peak"),
            ("cost", f"${self.cost:,.2f} at ${self.device.price:g} an hour"),
        ]


def plan(
    config: TokenModelConfig,
    batch: int = 32,
    block: int | None = None,
    precision: Precision = "bf16",
    device: str = "l4",
    tokens: int = 62_700_000,
    utilisation: float | None = None,
) -> Plan:
    """Plan the training of a token model with AdamW on `tokens` tokens, `batch` blocks a step on one device."""
    if device not in DEVICES:
        raise LookupFailedError("device", device, DEVICES)
    run = _Run(batch=batch, block=block or config.block, tokens=tokens, precision=precision, utilisation=utilisation)
    machine = DEVICES[device]
    whole, inside = parameters(config)
    # fp32 weights, and under autocast a copy of them in 16 bits
    fixed = (4 + (2 if precision == "bf16" else 0)) * whole
    kind: Kind = "cpu" if device == "cpu" else "gpu"
    working = int(WORKING[kind] * layer_bytes(config, precision, kind)) * run.block
    block_bytes = activation_bytes(config, run.block, precision, kind) + working
    block_logits, most_logits = _logit_bytes(config, run.block, precision, kind)
    # 12 bytes a parameter: the gradient, and the two moments of AdamW
    room = 24 * GIB * (1 - RESERVED) - fixed - 12 * whole
    # logits take `block_logits` a block but at most `most_logits`: a batch fits if it fits under either bound
    largest = max(room // (block_bytes + block_logits), (room - most_logits) // block_bytes, 0)
    each = training_flops(config, run.block)
    share = run.utilisation or machine.utilisation
    seconds = each * run.tokens / (share * (machine.bf16 if precision == "bf16" else machine.fp32))
    return Plan(
        device=machine,
        precision=precision,
        batch=run.batch,
        block=run.block,
        tokens=run.tokens,
        parameters=whole,
        non_embedding=inside,
        weights=fixed,
        gradients=4 * whole,
        optimizer=8 * whole,
        activations=run.batch * block_bytes + min(run.batch * block_logits, most_logits),
        largest_batch=int(largest),
        flops_per_step=each * run.batch * run.block,
        utilisation=share,
        seconds=seconds,
        cost=seconds / 3600 * machine.price,
    )


def training_flops(config: TokenModelConfig, block: int) -> float:
    """FLOPs a token, forward and backward: 6 for each weight of a product, and the causal half of attention."""
    _, inside = parameters(config)
    return 6.0 * (inside + config.vocabulary_size * config.width) + 6.0 * config.layers * config.width * block


def _logit_bytes(config: TokenModelConfig, block: int, precision: Precision, kind: Kind) -> tuple[int, int]:
    """Bytes of a block's logits, and of the slice of them that is held at the most.

    On a GPU their gradient is written over them; a CPU holds both, in fp32.
    """
    each, most = (8, SLICE) if kind == "cpu" else (2 if precision == "bf16" else 4, GPU_SLICE)
    return each * block * config.vocabulary_size, each * most


def activation_bytes(config: TokenModelConfig, block: int, precision: Precision, kind: Kind) -> int:
    """Bytes that one block keeps for its backward pass."""
    half = 2 if precision == "bf16" else 4
    mask = 0 if kind == "gpu" and precision == "bf16" else block * block
    return block * (config.layers * layer_bytes(config, precision, kind) + (4 + 2 * half) * config.width) + mask


def layer_bytes(config: TokenModelConfig, precision: Precision, kind: Kind) -> int:
    """Bytes that a layer keeps of each position, not compiled (compiled, it keeps less).

    The input of each norm and its output, the queries, keys, values and attended values, and what the activation
    and the second product need; `half` is the precision of the products. Where a GPU has the gate in the product, the
    activated gate is not kept. A CPU has no fused RMSNorm, so that its input is kept in fp32 and so is what it makes of
    it before the gain, and keeps the attended values a second time, after the heads are put together.
    """
    half = 2 if precision == "bf16" else 4
    width, inner = config.width, config.inner
    norms = 1 if config.parallel else 2
    norm = 8 if kind == "cpu" and config.norm == "rmsnorm" else half
    attention = 5 if kind == "cpu" else 4
    copies = 2 if not config.gated else 3 if kind == "gpu" and precision == "bf16" and config.gate_in_product else 4
    layer = norms * (norm + half) * width + attention * half * width + half * inner * copies
    if "rope" in config.position:
        layer += 2 * 4 * 3 * width
    return layer


def _size(count: int) -> str:
    return f"{count / GIB:,.2f} GiB" if count >= GIB else f"{count / (1 << 20):,.1f} MiB"


def _time(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
