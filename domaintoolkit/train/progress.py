"""Rates, utilisation, the costs of validation data and the time left of a run, as data and as one line of text."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from domaintoolkit.display import fit_parts
from domaintoolkit.util.pulse import show_minutes

__all__ = ["PEAKS", "Meter", "Progress", "Validation", "peak_flops"]

PEAKS = {
    "L4": 121e12,
    "A10": 125e12,
    "A100": 312e12,
    "H100": 989e12,
    "H200": 989e12,
}
"""Dense bf16 FLOPs a second of a device, by a word of its name, as its maker states them."""


class Validation(NamedTuple):
    """The costs of validation data."""

    bits: float
    """Bits an event."""
    reciprocal_rank: float | None = None
    """The mean of 1 / rank of what came, if it chooses the weights."""
    later_nats: float | None = None
    """Nats of a later value given the mean of a history, if they choose the weights."""

    @property
    def chosen(self) -> float:
        """The cost that chooses the weights."""
        if self.reciprocal_rank is not None:
            return -self.reciprocal_rank
        return self.bits if self.later_nats is None else self.later_nats


@dataclass(frozen=True, slots=True)
class Progress:
    """The report after a step. Rates are those since the last report."""

    step: int
    steps: int
    loss: float
    """Mean nats a token, without other objectives and penalties."""
    bits_per_event: float
    learning_rate: float
    tokens_per_second: float
    events_per_second: float
    seconds_left: float
    utilisation: float | None = None
    """The model's own FLOPs as a share of the device's peak; None if the peak is not known."""
    validation: float | None = None
    """Bits an event on validation data, if this step was evaluated."""
    reciprocal_rank: float | None = None
    """The mean of 1 / rank of what came in validation data, if it chooses the weights."""
    later_nats: float | None = None
    """Nats of a later value of validation data, if they choose the weights."""
    gradient_norm: float | None = None
    """Mean norm of the gradient before clipping; None if nothing is clipped."""
    tokens: int = 0
    """Predicted tokens of the batches since the last report, on all devices."""
    events: int = 0

    def __str__(self) -> str:
        return " · ".join(text for text, _ in self._parts())

    @property
    def is_kept(self) -> bool:
        """True for evaluations and for the last step, whose lines stay."""
        return self.validation is not None or self.step == self.steps

    @property
    def pulse(self) -> str:
        """The text for a pipe while nothing is reported."""
        return "comparing with the baselines" if self.step == self.steps else str(self)

    def fit(self, width: int) -> str:
        """As one line of at most `width` characters: the parts that fit, the least important left out first."""
        return fit_parts(self._parts(), width)

    def _parts(self) -> list[tuple[str, int]]:
        """The parts of the line in order, each with its rank: 0 is the most important."""
        parts: list[tuple[str | None, int]] = [
            (f"step {self.step:,}/{self.steps:,}", 0),
            (f"loss {self.loss:.3f}", 4),
            (f"{self.bits_per_event:.2f} bits/event", 1),
            (f"{_format_rate(self.tokens_per_second)} tokens/s", 5),
            (f"{_format_rate(self.events_per_second)} events/s", 6),
            (None if self.utilisation is None else f"MFU {self.utilisation:.0%}", 7),
            (None if self.validation is None else f"validation {self.validation:.2f} bits/event", 2),
            (None if self.reciprocal_rank is None else f"1/rank {self.reciprocal_rank:.4f}", 2),
            (None if self.later_nats is None else f"later values {self.later_nats:.3f} nats", 2),
            (f"{show_minutes(self.seconds_left)} left", 3),
        ]
        return [(text, rank) for text, rank in parts if text is not None]


def _format_rate(value: float) -> str:
    return f"{value / 1e6:.2f}M" if value >= 1e6 else f"{value / 1e3:.1f}k" if value >= 1e3 else f"{value:.0f}"


class Meter:
    """Adds up reports of batches, on their device, and turns them into `Progress` from time to time.

    A batch takes `flops` on each of `devices`, and a device can do `peak` in a second. Rates are those of this device
    times `devices`: all get batches of the same size. `start` is the number of steps that were done before.
    """

    def __init__(
        self, steps: int, devices: int, flops: float, peak: float | None, report: Callable[[Progress], None], start: int
    ) -> None:
        self.steps, self.devices, self.flops, self.peak, self.report = steps, devices, flops, peak, report
        self._began = time.perf_counter()
        self._sums: list[Tensor] = []
        self._norms: list[Tensor] = []
        self._pace: float | None = None
        """Smoothed seconds a step."""
        self._reported = -math.inf
        self._since = start
        """The step of the last report."""
        self._reports = 0

    def add(self, loss: Tensor, nats: Tensor, tokens: Tensor, events: Tensor) -> None:
        """Count one batch in: its loss, with all objectives and penalties, and `LossReport.nats_by_part`."""
        # the last part is the header, which is not an event's
        counts = (loss, nats.sum(), nats[:-1].sum(), tokens, events)
        self._sums.append(torch.stack([count.detach().float() for count in counts]))  # (5,)

    def add_norm(self, norm: Tensor) -> None:
        """Count the norm of a step's gradient in."""
        self._norms.append(norm.detach().float())

    def is_finite(self) -> bool:
        """Return True if the loss of every batch since the last report is finite; waits for the device."""
        return not self._sums or bool(torch.stack([sums[0] for sums in self._sums]).isfinite().all())

    def is_due(self, every: float = 0.5) -> bool:
        """Return True if the last report is `every` seconds old; reading results makes the host wait for a GPU."""
        return time.perf_counter() - self._reported >= every

    def flush(self, step: int, rate: float, found: Validation | None = None) -> list[float]:
        """Report the batches since the last report, and what validation found; returns the loss of each."""
        if not self._sums:
            return []
        # float64: sums of float32 over many batches would lose digits
        batches = torch.stack(self._sums).double().cpu()  # (batches, 5)
        seconds = max(1e-9, time.perf_counter() - self._began)
        pace = seconds / max(1, step - self._since)
        # the first steps are slower than those that follow, so the pace of the second report replaces theirs
        self._pace = pace if self._pace is None or self._reports < 2 else 0.7 * self._pace + 0.3 * pace
        nats, event_nats, tokens, events = batches[:, 1:].sum(0).tolist()
        progress = Progress(
            step=step,
            steps=self.steps,
            loss=nats / max(tokens, 1),
            # nats to bits
            bits_per_event=event_nats / max(events, 1) / math.log(2),
            learning_rate=rate,
            tokens_per_second=tokens / seconds * self.devices,
            events_per_second=events / seconds * self.devices,
            seconds_left=self._pace * (self.steps - step),
            utilisation=self.flops * len(batches) / seconds / self.peak if self.peak else None,
            validation=found and found.bits,
            reciprocal_rank=found and found.reciprocal_rank,
            later_nats=found and found.later_nats,
            gradient_norm=float(torch.stack(self._norms).mean()) if self._norms else None,
            tokens=round(tokens) * self.devices,
            events=round(events) * self.devices,
        )
        self.report(progress)
        self._sums, self._norms, self._since = [], [], step
        self._reports += 1
        self._began = self._reported = time.perf_counter()
        losses: list[float] = batches[:, 0].tolist()
        return losses

    def exclude(self, seconds: float) -> None:
        """Leave out time that was spent on something else, such as an evaluation."""
        self._began += seconds


def peak_flops(device: torch.device) -> float | None:
    """Dense bf16 FLOPs a second of the device, if known."""
    if device.type != "cuda":
        return None
    words = torch.cuda.get_device_name(device).replace("-", " ").split()
    return next((PEAKS[word] for word in words if word in PEAKS), None)
