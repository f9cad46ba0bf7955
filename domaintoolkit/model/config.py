"""The shapes of models: small frozen configs, their presets, and how many parameters each has."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field as Constraint
from pydantic import model_validator

from domaintoolkit.errors import LookupFailedError, Problem, SchemaError
from domaintoolkit.schema.declaration import declaration

__all__ = ["EVENT_PRESETS", "PRESETS", "EventModelConfig", "TokenModelConfig", "event_preset", "parameters", "preset"]

Whole = Annotated[int, Constraint(ge=1)]


@declaration
class TokenModelConfig:
    """A decoder over tokens. `position` is `none` by default: attention then sees order through causality alone.

    `multiple` is the feed-forward width over `width`; left out, it is 4, or 8/3 if the activation is gated,
    which has the same number of parameters. `bias` is that of the feed-forward layers (x-transformers' attention
    and norms have none). `parallel` adds attention and feed-forward, of one norm, in one step. `composites` says
    that the streams it reads hold composites; a trained model's says what it was trained on.
    """

    vocabulary_size: Whole
    width: Whole = 512
    layers: Whole = 6
    heads: Whole = 8
    multiple: Annotated[float, Constraint(gt=0, le=64)] | None = None
    position: Literal["none", "rope", "learned", "rope+learned"] = "none"
    norm: Literal["rmsnorm", "layernorm"] = "rmsnorm"
    activation: Literal["swiglu", "geglu", "gelu"] = "swiglu"
    bias: bool = False
    parallel: bool = False
    tied: bool = True
    dropout: Annotated[float, Constraint(ge=0, lt=1)] = 0.0
    block: Whole = 512
    composites: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> TokenModelConfig:
        found = []
        if self.width % self.heads:
            found.append(Problem("heads", f"must divide the width {self.width}, got {self.heads}"))
        elif "rope" in self.position and (self.head_width % 2 or self.head_width < 4):
            message = f"rope needs an even head width from 4 on, got {self.head_width}"
            found.append(Problem("position", message))
        if self.composites and isinstance(self, EventModelConfig):
            found.append(Problem("composites", "an event model takes base tokens"))
        if self.multiple is not None and self.width * self.multiple < 1:
            found.append(Problem("multiple", f"leaves no feed-forward at width {self.width}, got {self.multiple!r}"))
        if found:
            raise SchemaError(found)
        return self

    @property
    def gated(self) -> bool:
        """True if the feed-forward has a gate."""
        return self.activation != "gelu"

    @property
    def gate_in_product(self) -> bool:
        """True if a GPU's kernel can apply the gate within the product: it takes feed-forwards of this shape."""
        return self.gated and not self.bias and self.width % 64 == 0 and self.inner % 16 == 0

    @property
    def head_width(self) -> int:
        """Width of a head's queries, keys and values."""
        return self.width // self.heads

    @property
    def inner(self) -> int:
        """Width of the feed-forward, brought down to a multiple of 16 (what matrix units like) from 16 on."""
        exact = int(self.width * (self.multiple or (8 / 3 if self.gated else 4)))
        return exact - exact % 16 if exact >= 16 else exact


@declaration
class EventModelConfig(TokenModelConfig):
    """A decoder over events: one position an event, one head a part of it.

    `part_width` is the width of a part's embedding and of its head (left out, a quarter of `width`, at least 16).
    With `sequential`, the default, a part is predicted from the event's earlier parts too. Without it, the parts of an
    event are independent given the events before, so generated events mix values that never occur together. Parts of
    more than `large_from` candidates train on `large`: all of them (`softmax`), or the other targets of the batch and
    `negatives` drawn ones, which stand for the rest (`sampled`); what is reported is always the full softmax. `later`
    is the weight of a second objective in training: the mean of a history so far predicts the values of all its later
    events, in any order, which makes better embeddings; 0 leaves it out. `aggregates` is that of a third one: the same
    mean predicts the number of later events, and the mean and the deviation of each of their parts. The values of the
    latest `recent` events gain or lose in the scores of the next ones; 0 leaves that out.
    """

    part_width: Whole | None = None
    sequential: bool = True
    large: Literal["softmax", "sampled"] = "sampled"
    large_from: Whole = 65_536
    negatives: Whole = 4_096
    later: Annotated[float, Constraint(ge=0)] = 1.0
    aggregates: Annotated[float, Constraint(ge=0)] = 0.0
    recent: Annotated[int, Constraint(ge=0)] = 64

    @model_validator(mode="after")
    def _has_later(self) -> EventModelConfig:
        if self.aggregates and not self.later:
            reason = f"needs later above 0, whose mean it uses, got {self.aggregates!r}"
            raise SchemaError([Problem("aggregates", reason)])
        return self

    @property
    def cell(self) -> int:
        """The width of a part's embedding."""
        return self.part_width or max(16, self.width // 4)


PRESETS: dict[str, dict[str, int]] = {
    "54k": {"width": 48, "layers": 2, "heads": 3},
    "410k": {"width": 128, "layers": 2, "heads": 4},
    "3m": {"width": 256, "layers": 4, "heads": 4},
    "6m": {"width": 320, "layers": 5, "heads": 5},
    "12m": {"width": 448, "layers": 5, "heads": 7},
    "24m": {"width": 512, "layers": 6, "heads": 8},
    "25m": {"width": 512, "layers": 8, "heads": 8},
    "85m": {"width": 768, "layers": 12, "heads": 12},
    "200m": {"width": 1024, "layers": 16, "heads": 16},
    "330m": {"width": 1024, "layers": 24, "heads": 16},
}
"""Named by parameters outside the embeddings, but `24m` and `330m`, which the papers named by their total."""


EVENT_PRESETS: dict[str, dict[str, int]] = {
    "event-14k": {"width": 16, "layers": 1, "heads": 1, "part_width": 13},
    "event-54k": {"width": 32, "layers": 2, "heads": 1, "part_width": 19},
    "event-160k": {"width": 64, "layers": 2, "heads": 2, "part_width": 20},
    "event-410k": {"width": 88, "layers": 3, "heads": 2, "part_width": 32},
    "event-1m": {"width": 144, "layers": 3, "heads": 4, "part_width": 40},
    "event-3m": {"width": 208, "layers": 4, "heads": 4, "part_width": 88},
    "event-6m": {"width": 272, "layers": 5, "heads": 4, "part_width": 120},
    "event-12m": {"width": 400, "layers": 5, "heads": 5, "part_width": 128},
    "event-25m": {"width": 464, "layers": 8, "heads": 8, "part_width": 200},
    "event-85m": {"width": 720, "layers": 12, "heads": 12, "part_width": 256},
}
"""Named by all parameters of an event model outside the embeddings, its heads included, with the schema of the shop.
Fewer or more parts of an event make the heads smaller or larger."""


def preset(name: str, vocabulary_size: int, **changes: Any) -> TokenModelConfig:
    """The token model of a preset, with any of its settings changed."""
    if name not in PRESETS:
        raise LookupFailedError("preset", name, PRESETS)
    return TokenModelConfig(**{"vocabulary_size": vocabulary_size, **PRESETS[name], **changes})


def event_preset(name: str, vocabulary_size: int, **changes: Any) -> EventModelConfig:
    """The event model of an event preset, or around the decoder of another."""
    known = {**EVENT_PRESETS, **PRESETS}
    if name not in known:
        raise LookupFailedError("preset", name, known)
    return EventModelConfig(**{"vocabulary_size": vocabulary_size, **known[name], **changes})


def resize_vocabulary(config: TokenModelConfig, vocabulary_size: int) -> TokenModelConfig:
    """The same shape for another number of tokens."""
    return replace(config, vocabulary_size=vocabulary_size)


def decoder_parameters(config: TokenModelConfig) -> int:
    """Parameters of the decoder: attention, feed-forward and norms, the last one included."""
    matrices = 3 if config.gated else 2
    feed_forward = matrices * config.width * config.inner
    if config.bias:
        feed_forward += (matrices - 1) * config.inner + config.width
    norms = config.width * (1 if config.parallel else 2)
    return config.layers * (4 * config.width**2 + feed_forward + norms) + config.width


def parameters(config: TokenModelConfig) -> tuple[int, int]:
    """(all, without the embeddings of tokens and positions) of a token model, not building it."""
    inside = decoder_parameters(config)
    embeddings = config.vocabulary_size * config.width * (1 if config.tied else 2)
    if "learned" in config.position:
        embeddings += config.block * config.width
    return inside + embeddings, inside
