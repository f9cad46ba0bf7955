"""Models over streams: of tokens and of events. Names load when they are used, since torch takes seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domaintoolkit._lazy import lazy

if TYPE_CHECKING:
    from domaintoolkit.model._config import (
        PRESETS,
        EventModelConfig,
        TokenModelConfig,
        event_preset,
        parameters,
        preset,
    )
    from domaintoolkit.model._embed import embed
    from domaintoolkit.model._event_model import EventModel, event_parameters
    from domaintoolkit.model._events import EventTensors, events_from_streams
    from domaintoolkit.model._generate import Generator
    from domaintoolkit.model._interface import EventBatch, LossReport, SequenceModel, TokenBatch
    from domaintoolkit.model._likely import LikelyPart, likely_parts
    from domaintoolkit.model._load import load_model
    from domaintoolkit.model._plan import DEVICES, Device, Plan, plan
    from domaintoolkit.model._predict import Prediction, predict_next
    from domaintoolkit.model._sampling import Sampling
    from domaintoolkit.model._stored import counting_events
    from domaintoolkit.model._token_model import TokenModel

_HOMES = {
    "_stored": ("counting_events",),
    "_predict": ("Prediction", "predict_next"),
    "_generate": ("Generator",),
    "_sampling": ("Sampling",),
    "_likely": ("LikelyPart", "likely_parts"),
    "_plan": ("DEVICES", "Device", "Plan", "plan"),
    "_embed": ("embed",),
    "_load": ("load_model",),
    "_config": (
        "EventModelConfig",
        "PRESETS",
        "TokenModelConfig",
        "event_preset",
        "parameters",
        "preset",
    ),
    "_event_model": (
        "EventModel",
        "event_parameters",
    ),
    "_events": (
        "EventTensors",
        "events_from_streams",
    ),
    "_interface": (
        "EventBatch",
        "LossReport",
        "SequenceModel",
        "TokenBatch",
    ),
    "_token_model": ("TokenModel",),
}
__all__ = [
    "DEVICES",
    "PRESETS",
    "Device",
    "EventBatch",
    "EventModel",
    "EventModelConfig",
    "EventTensors",
    "Generator",
    "LikelyPart",
    "LossReport",
    "Plan",
    "Prediction",
    "Sampling",
    "SequenceModel",
    "TokenBatch",
    "TokenModel",
    "TokenModelConfig",
    "counting_events",
    "embed",
    "event_parameters",
    "event_preset",
    "events_from_streams",
    "likely_parts",
    "load_model",
    "parameters",
    "plan",
    "predict_next",
    "preset",
]


__getattr__, __dir__ = lazy(__name__, _HOMES, __all__)
