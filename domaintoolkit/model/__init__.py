"""Models over streams: of tokens and of events. Names load when they are used, since torch takes seconds."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_WHERE = {
    "PRESETS": "_config",
    "EventModelConfig": "_config",
    "EventModel": "_event_model",
    "EventTensors": "_events",
    "event_parameters": "_event_model",
    "events_from_streams": "_events",
    "TokenModelConfig": "_config",
    "event_preset": "_config",
    "parameters": "_config",
    "preset": "_config",
    "EventBatch": "_interface",
    "LossReport": "_interface",
    "SequenceModel": "_interface",
    "TokenBatch": "_interface",
    "TokenModel": "_token_model",
}

__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
