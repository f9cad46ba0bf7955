"""The training loop: flat, resumable to the bit, the same on one CPU and on several GPUs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.distributed.checkpoint import state_dict as distributed

from domaintoolkit.errors import DivergedError
from domaintoolkit.model import LossReport
from domaintoolkit.model.bound_model import BoundModel
from domaintoolkit.train.checkpoint import Checkpoints, Tensors
from domaintoolkit.train.data.model_batches import ModelBatch
from domaintoolkit.train.optimizer import build_optimizer, embedding_penalty
from domaintoolkit.train.progress import Meter, Progress, Validation, peak_flops
from domaintoolkit.train.recipe import Recipe
from domaintoolkit.train.schedule import learning_rate

__all__ = ["LoopState", "Loss", "Trainer", "Training"]

Loss = Callable[[ModelBatch], LossReport]
FULL = distributed.StateDictOptions(full_state_dict=True)


class WithLoss(nn.Module):
    """A model whose forward pass is its loss: DDP, FSDP and the compiler wrap this."""

    def __init__(self, model: BoundModel, recipe: Recipe) -> None:
        super().__init__()
        self.model, self.recipe = model, recipe

    def forward(self, batch: ModelBatch) -> LossReport:
        """The `LossReport` of a batch; in training, its loss includes the penalty."""
        report = self.model.loss(batch)
        if self.training and self.recipe.embedding_penalty:
            embedding = self.model.get_parameter(self.model.grows[0])
            report = report._replace(loss=report.loss + embedding_penalty(embedding, self.recipe))
        return report


@dataclass(slots=True)
class LoopState:
    """The state of a run, without its tensors. The loader's position is the step times the accumulation."""

    step: int = 0
    best: float | None = None
    """The lowest validation cost so far: bits an event, -1 / rank of a value, or nats of a later value."""
    best_step: int | None = None
    waiting: int = 0
    """Evaluations since `best_step`."""
    validation: list[tuple[int, float]] = field(default_factory=list)
    finished: bool = False
    """Training ends early, since validation did not improve."""


@dataclass(frozen=True, slots=True)
class Training:
    """The data, the validation and the reports of a run.

    `batches` gives this device's endless batches, from a number on; `validate` scores the model. A checkpoint can be
    continued only if it has the same `identity`: the vocabulary's hash and the recipe.
    """

    recipe: Recipe
    steps: int
    batches: Callable[[int], Iterator[ModelBatch]]
    validate: Callable[[Loss], Validation | None]
    checkpoints: Checkpoints
    identity: dict[str, Any]
    flops: float
    """Operations for a batch on one device, forward and backward."""
    progress: Callable[[Progress], None]


class Trainer:
    """A model and its optimizer on their devices."""

    def __init__(self, model: BoundModel, training: Training, accelerator: Accelerator) -> None:
        self.training, self.accelerator = training, accelerator
        self.state = LoopState()
        self.losses: list[float] = []
        """The loss of each batch that this process trained on."""
        self.recorders: list[Callable[[Progress], None]] = []
        """They hear of the progress on the main device before the checkpoint of its step is written, so that a run that
        goes on from there has a record of all steps before."""
        self._news: list[Progress] = []
        module = WithLoss(model, training.recipe)
        # Buffers are tables of the vocabulary, the same everywhere, and of types that some backends cannot send.
        ignore: Any = nn.parallel.DistributedDataParallel._set_params_and_buffers_to_ignore_for_model
        ignore(module, [name for name, _ in module.named_buffers()])
        if training.recipe.compile:
            module.compile()
        self.module, self.optimizer = accelerator.prepare(module, build_optimizer(module, training.recipe))

    def run(self) -> LoopState:
        """Train to the last step, or until validation stops improving."""
        training, recipe, state, accelerator = self.training, self.training.recipe, self.state, self.accelerator
        devices, device = accelerator.num_processes, accelerator.device
        meter = Meter(training.steps, devices, training.flops, peak_flops(device), self._log, state.step)
        # a run that goes on begins with the batch after its last one
        batches = training.batches(state.step * recipe.accumulation)
        self.module.train()
        while state.step < training.steps and not state.finished:
            rate = learning_rate(recipe, state.step, training.steps, devices)
            for group in self.optimizer.param_groups:
                group["lr"] = rate

            for part in range(recipe.accumulation):
                batch = next(batches)
                if device.type == "cuda":
                    batch = batch.pin_memory()  # a copy from other memory waits until the GPU is idle
                batch = batch.to(device, non_blocking=True)
                if recipe.compile and batch.bounds is not None:
                    torch._dynamo.maybe_mark_dynamic(batch.bounds, 0)  # else compiled twice: once for its size
                last = part + 1 == recipe.accumulation
                # devices exchange gradients only after the last batch of a step
                with nullcontext() if last else accelerator.no_sync(self.module):
                    report = self.module(batch)
                    # the gradients of the parts add up: a step has that of their mean
                    accelerator.backward(report.loss / recipe.accumulation)
                meter.add(report.loss, report.nats_by_part, report.tokens, report.events)

            if recipe.clip:
                meter.add_norm(accelerator.clip_grad_norm_(self.module.parameters(), recipe.clip))
            self.optimizer.step()
            self.optimizer.zero_grad()
            state.step += 1

            if self._is_milestone(state.step):
                self._check_finite(meter.is_finite(), "the loss")
                began = time.perf_counter()
                found = self._evaluate()
                tensors = self._gather_if_due()
                # rates are those of training alone
                meter.exclude(time.perf_counter() - began)
                self.losses += meter.flush(state.step, rate, found)
                if tensors is not None:
                    began = time.perf_counter()
                    self.save(tensors)
                    meter.exclude(time.perf_counter() - began)
                self._tell()
            elif meter.is_due():
                self._check_finite(meter.is_finite(), "the loss")
                self.losses += meter.flush(state.step, rate)
                self._tell()
        return state

    def _check_finite(self, finite: bool, what: str) -> None:
        """Stop a run that has diverged, before `what` is logged, scored or kept."""
        if not finite:
            raise DivergedError(self.state.step, what, self.training.checkpoints.describe())

    def _log(self, progress: Progress) -> None:
        if self.accelerator.is_main_process:
            values = {name: value for name, value in asdict(progress).items() if isinstance(value, float)}
            self.accelerator.log(values, step=progress.step)
            for recorder in self.recorders:
                recorder(progress)
            self._news.append(progress)

    def _tell(self) -> None:
        """Let the user's function hear what is recorded, and kept if a checkpoint was due: it may stop the run."""
        news, self._news = self._news, []
        for progress in news:
            self.training.progress(progress)

    def _is_milestone(self, step: int) -> bool:
        """Return True if a step ends with an evaluation or a checkpoint; the last one does."""
        recipe = self.training.recipe
        return step % recipe.evaluate_every == 0 or step % recipe.checkpoint_every == 0 or step == self.training.steps

    def _evaluate(self) -> Validation | None:
        """The costs of validation data, if an evaluation is due; updates the best step and `finished`."""
        state, recipe = self.state, self.training.recipe
        if state.step % recipe.evaluate_every and state.step != self.training.steps:
            return None
        found = self.score(self.training.validate)
        if found is None:
            state.best_step = state.step
            return None
        # Devices may differ in the last digits; they must agree on when to stop.
        found = Validation(*broadcast_object_list(list(found)))
        self._check_finite(math.isfinite(found.bits) and math.isfinite(found.chosen), "the validation loss")
        state.validation.append((state.step, found.bits))
        if state.best is None or found.chosen < state.best:
            state.best, state.best_step, state.waiting = found.chosen, state.step, 0
        else:
            state.waiting += 1
            state.finished = recipe.patience is not None and state.waiting >= recipe.patience
        return found

    def score(self, scorer: Callable[[Loss], Validation | None]) -> Validation | None:
        """Call `scorer` with the model's loss function; training goes on as if it had not been called."""
        devices = [self.accelerator.device] if self.accelerator.device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.no_grad(), self.accelerator.autocast():
            self.module.eval()
            result = scorer(lambda batch: self.module(batch.to(self.accelerator.device)))
            self.module.train()
        return result

    def _gather_if_due(self) -> dict[str, Tensors] | None:
        """What a checkpoint holds, if one is due; raises `DivergedError` if a weight is not finite."""
        state = self.state
        last = state.step == self.training.steps or state.finished
        if state.step % self.training.recipe.checkpoint_every and not last and state.best_step != state.step:
            return None
        tensors = self._gather_tensors()
        self._check_finite(all(bool(weights.isfinite().all()) for weights in tensors["model"].values()), "a weight")
        return tensors

    def save(self, tensors: dict[str, Tensors]) -> None:
        """Write a checkpoint of the run."""
        # one generator state a process: (processes, bytes)
        random = self.accelerator.gather(torch.get_rng_state().to(self.accelerator.device)[None]).cpu()
        tensors["random"] = {"cpu": random}
        if self.accelerator.device.type == "cuda":
            mine = torch.cuda.get_rng_state().to(self.accelerator.device)[None]
            tensors["random"]["cuda"] = self.accelerator.gather(mine).cpu()
        if self.accelerator.is_main_process:
            state = {**self.training.identity, "state": asdict(self.state)}
            self.training.checkpoints.save(self.state.step, tensors, state, self.state.best_step)
        self.accelerator.wait_for_everyone()

    def _gather_tensors(self) -> dict[str, Tensors]:
        """The whole weights and moments, from all devices; a moment is called `parameter/moment`."""
        weights: Any = distributed.get_model_state_dict(self.module, options=FULL)
        moments: Any = distributed.get_optimizer_state_dict(self.module, self.optimizer.optimizer, options=FULL)[
            "state"
        ]
        flat = {f"{name}/{key}": value for name, entry in moments.items() for key, value in entry.items()}
        return {"model": {_strip_wrapper(name): tensor for name, tensor in weights.items()}, "optimizer": flat}

    def restore(self, tensors: dict[str, Tensors], state: dict[str, Any]) -> None:
        """Continue from a checkpoint: weights, moments, generators, state."""
        weights: Any = {f"model.{name}": tensor for name, tensor in tensors["model"].items()}
        distributed.set_model_state_dict(self.module, weights, options=FULL)

        moments: dict[str, dict[str, Tensor]] = {}
        for key, tensor in tensors["optimizer"].items():
            name, _, moment = key.rpartition("/")
            # {parameter: {moment: tensor}} again, as the optimizer's state has it
            moments.setdefault(name, {})[moment] = tensor
        whole: Any = distributed.get_optimizer_state_dict(self.module, self.optimizer.optimizer, options=FULL)
        # A parameter that never had a gradient has no moments yet; zeros and step 0 are how it begins.
        fresh = {
            name: {moment: torch.zeros_like(tensor) for moment, tensor in entry.items()}
            for name, entry in whole["state"].items()
        }
        whole["state"] = fresh | moments
        distributed.set_optimizer_state_dict(self.module, self.optimizer.optimizer, whole, options=FULL)

        rank = self.accelerator.process_index
        torch.set_rng_state(tensors["random"]["cpu"][rank].clone())
        if "cuda" in tensors["random"]:
            torch.cuda.set_rng_state(tensors["random"]["cuda"][rank].clone())

        entries = dict(state["state"])
        entries["validation"] = [(step, bits) for step, bits in entries["validation"]]  # JSON has lists only
        self.state = LoopState(**entries)


def _strip_wrapper(name: str) -> str:
    """A parameter's name in the model, without that of `WithLoss`."""
    return name.removeprefix("model.")
