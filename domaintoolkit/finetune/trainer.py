"""The loop of fine-tuning: steps, evaluations, checkpoints; a run that is continued is the run that was not stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from domaintoolkit.errors import DivergedError
from domaintoolkit.finetune.examples import Examples, deal_batches
from domaintoolkit.finetune.network import free_parameters
from domaintoolkit.finetune.saved_head import TunedHead, to_tensors
from domaintoolkit.finetune.tuning_data import VALIDATION, TuningData, embed_rows
from domaintoolkit.finetune.tuning_progress import TuningProgress
from domaintoolkit.jobs import Progress
from domaintoolkit.model import EventModel, TokenModel
from domaintoolkit.train import Checkpoints

__all__ = ["HeadTrainer", "TuningState"]

Longs = NDArray[np.int64]


@dataclass(slots=True)
class TuningState:
    """The state of a run, without its tensors."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    """Batches of the epoch that are done."""
    best: tuple[float, float] | None = None
    """The best score so far, more being better, and the negative log loss, which decides between equal ones."""
    best_step: int | None = None
    waiting: int = 0
    validation: list[tuple[int, float]] = field(default_factory=list)
    finished: bool = False


class HeadTrainer:
    """A model and a head on one device."""

    def __init__(
        self,
        model: TokenModel | EventModel,
        tuned: TunedHead,
        data: TuningData,
        checkpoints: Checkpoints,
        identity: dict[str, Any],
        vectors: NDArray[np.float32] | None,
    ) -> None:
        self.model, self.tuned, self.data, self.checkpoints, self.identity = model, tuned, data, checkpoints, identity
        self.state = TuningState()
        settings = tuned.settings
        self.rows = data.trained
        self.pooling = settings.pooling
        self.examples = Examples(model, data.folder, data.labels, data.placed)
        self.vectors = vectors
        """(n, vector) of the training rows before anything was tuned; None if these are not needed."""
        self._kept: dict[bytes, NDArray[np.float32]] = {}
        body = free_parameters(model, settings)
        # parameters, and their learning rate as a share of the head's
        self.groups = [(list(tuned.head.parameters()), 1.0), (body, settings.model_rate)]
        self.optimizer = _build_optimizer(self.groups, settings.weight_decay)
        # batches of an epoch; groups that stay together may make it a few more or fewer in another
        epoch = sum(1 for _ in self._deal(0))
        self.steps = max(FEWEST, 5 * epoch) if settings.epochs is None else max(1, math.ceil(settings.epochs * epoch))
        self.evaluate_every = max(1, self.steps // settings.evaluations)

    def _deal(self, epoch: int) -> Iterator[Longs]:
        settings = self.tuned.settings
        together = self.data.entities if settings.objective != "ranking" else self.data.groups
        return deal_batches(self.rows, together[self.rows], settings.batch, (settings.seed, epoch))

    def begin(self, report: Progress) -> None:
        """Standardize the vectors of training rows, before the first step."""
        vectors = self.vectors
        if vectors is None:
            some = np.random.default_rng(self.tuned.settings.seed).permutation(self.rows)[:SAMPLE]
            vectors = embed_rows(self.model, self.data, np.sort(some), self.tuned.settings, report)
        self.tuned.head.standardize(torch.from_numpy(vectors).to(self.model.device))

    def run(self, report: Callable[[TuningProgress], None]) -> TuningState:
        """Train to the last step, or until validation stops improving."""
        state = self.state
        began, first = time.perf_counter(), state.step
        reported = began
        # tensors, since a number would make each step wait for the device
        losses: list[Tensor] = []
        while state.step < self.steps and not state.finished:
            for number, rows in enumerate(self._deal(state.epoch)):
                if number < state.batch:  # done before the run was stopped
                    continue
                losses.append(self._step(rows))
                state.step, state.batch = state.step + 1, number + 1
                is_evaluated = state.step % self.evaluate_every == 0 or state.step == self.steps
                # to read the losses makes the host wait for a GPU, so it is not done at each step
                if is_evaluated or time.perf_counter() - reported >= EVERY:
                    loss = float(torch.stack(losses).mean())
                    if is_evaluated:
                        losses = []
                        self._evaluate(loss)
                        self.save()
                    reported = time.perf_counter()
                    pace = (reported - began) / (state.step - first)
                    report(self._describe(loss, pace * (self.steps - state.step), is_evaluated))
                if state.step >= self.steps or state.finished:
                    break
            else:
                state.epoch, state.batch = state.epoch + 1, 0
        return state

    def _step(self, rows: Longs) -> Tensor:
        settings, data, device = self.tuned.settings, self.data, self.model.device
        for group, (_, share) in zip(self.optimizer.param_groups, self.groups, strict=True):
            group["lr"] = settings.learning_rate * share * _rate(self.state.step, self.steps, settings.warmup)
        self.tuned.head.train()
        if settings.tuned == "head":
            assert self.vectors is not None
            # `self.rows` rise, so this is where the vectors of `rows` are
            vectors = torch.from_numpy(self.vectors[np.searchsorted(self.rows, rows)]).to(device)
        else:
            self.model.train()
            vectors = self.examples.pool(rows, self.pooling, settings.window)
        raw = self.tuned.head(vectors, to_tensors(data.columns.take(rows), device))
        arrays = (data.values[rows], data.labels.weights[rows], data.groups[rows])
        values, weights, groups = (torch.from_numpy(each).to(device) for each in arrays)
        loss = data.objective.loss(raw, values.float(), weights.float(), groups)
        loss.backward()  # type: ignore[no-untyped-call]
        if settings.clip:
            nn.utils.clip_grad_norm_([each for group, _ in self.groups for each in group], settings.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.detach()

    def _evaluate(self, loss: float) -> None:
        state = self.state
        if not math.isfinite(loss):
            raise DivergedError(state.step, "the loss", self.checkpoints.describe())
        rows = self.data.rows(VALIDATION)
        if not len(rows):
            state.best_step = state.step
            return
        scores = self.score(rows)
        value = scores[self.data.objective.metric]
        if math.isnan(value):  # such as an area under the curve of rows of one class
            state.best_step = state.step
            return
        state.validation.append((state.step, value))
        # a few validation rows are soon all in the right order, long before their probabilities are right
        better = (value if self.data.objective.is_higher_better else -value, -scores.get("log_loss", 0.0))
        if state.best is None or better > state.best:
            state.best, state.best_step, state.waiting = better, state.step, 0
        else:
            state.waiting += 1
            state.finished = state.waiting >= self.tuned.settings.patience

    def predict(self, rows: Longs) -> NDArray[np.float64]:
        """The predictions of some rows."""
        return self.tuned.predict(self._embed(rows), self.data.columns.take(rows))

    def _embed(self, rows: Longs) -> NDArray[np.float32]:
        """The vectors of some rows; kept if only the head is trained, since they stay the same."""
        key = rows.tobytes() if self.tuned.settings.tuned == "head" else None
        if key is None:
            return embed_rows(self.model, self.data, rows, self.tuned.settings)
        if key not in self._kept:
            self._kept[key] = embed_rows(self.model, self.data, rows, self.tuned.settings)
        return self._kept[key]

    def score(self, rows: Longs) -> dict[str, float]:
        """The metrics of the predictions of some rows."""
        return self.data.score(self.predict(rows), rows)

    def _describe(self, loss: float, left: float, is_evaluated: bool) -> TuningProgress:
        validation = self.state.validation[-1][1] if self.state.validation else None
        metric = self.data.objective.metric
        return TuningProgress("tuning", self.state.step, self.steps, loss, metric, validation, left, is_evaluated)

    def save(self) -> None:
        """Write a checkpoint."""
        moments = {
            f"{number}/{name}": value
            for number, entry in self.optimizer.state_dict()["state"].items()
            for name, value in entry.items()
        }
        random = {"cpu": torch.get_rng_state()}
        if self.model.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state()
        tensors = {"model": dict(self.model.state_dict()), "head": dict(self.tuned.head.state_dict())}
        tensors |= {"optimizer": moments, "random": random}
        state = {**self.identity, "state": asdict(self.state)}
        self.checkpoints.save(self.state.step, tensors, state, self.state.best_step)

    def restore(self, tensors: dict[str, dict[str, Tensor]], state: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self.load_weights(tensors)
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors["optimizer"].items():
            number, _, name = key.partition("/")
            moments.setdefault(int(number), {})[name] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        torch.set_rng_state(tensors["random"]["cpu"])
        if "cuda" in tensors["random"]:
            torch.cuda.set_rng_state(tensors["random"]["cuda"])
        entries = dict(state["state"])
        entries["validation"] = [(step, value) for step, value in entries["validation"]]
        entries["best"] = None if entries["best"] is None else tuple(entries["best"])
        self.state = TuningState(**entries)

    def load_weights(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        """Take the weights of a checkpoint."""
        self.model.load_state_dict(tensors["model"])
        self.tuned.head.load_state_dict(tensors["head"])


EVERY = 0.5
"""Seconds between two reports."""
FEWEST = 300
"""Steps of a run on a small table, if its epochs are not given; early stopping ends it before."""
SAMPLE = 20_000
"""Training rows whose vectors are standardized."""


def _build_optimizer(groups: list[tuple[list[nn.Parameter], float]], decay: float) -> torch.optim.AdamW:
    return torch.optim.AdamW([{"params": parameters} for parameters, _ in groups], weight_decay=decay)


def _rate(step: int, steps: int, warmup: float) -> float:
    """The learning rate as a share of its peak: a linear rise, then a cosine down to 0."""
    rise = max(1, round(warmup * steps))
    if step < rise:
        return (step + 1) / (rise + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
