"""The hooks that a plugin can implement. Each returns values; nothing needs to be registered or undone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import pluggy

from domaintoolkit.schema import Domain

__all__ = ["PROJECT", "RegisteredEncoder", "domaintoolkit_domains", "domaintoolkit_encoders", "hookimpl"]

PROJECT = "domaintoolkit"
"""The name of the pluggy project, the prefix of the hooks, and the entry point group."""

hookimpl = pluggy.HookimplMarker(PROJECT)
hookspec = pluggy.HookspecMarker(PROJECT)


@runtime_checkable
class RegisteredEncoder(Protocol):
    """The interface of `domaintoolkit.encoders.EncoderType`: an encoder's name, its fit state and its class."""

    @property
    def name(self) -> str: ...

    @property
    def state(self) -> type[Any]: ...

    @property
    def encoder(self) -> type[Any]: ...


@hookspec
def domaintoolkit_domains() -> Iterable[Domain]:  # type: ignore[empty-body]
    """Return the domains of this plugin, as a tuple."""


@hookspec
def domaintoolkit_encoders() -> Iterable[RegisteredEncoder]:  # type: ignore[empty-body]
    """Return the encoders of this plugin, as a tuple of `domaintoolkit.encoders.EncoderType`."""
