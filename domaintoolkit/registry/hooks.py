"""The hooks that a plugin can implement. Each returns values; there is nothing to register or undo."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import pluggy

from domaintoolkit.schema import Domain

__all__ = ["PROJECT", "RegisteredEncoder", "domaintoolkit_domains", "domaintoolkit_encoders", "hookimpl"]

PROJECT = "domaintoolkit"
"""The name of the hooks' project, of their prefix and of the entry point group."""

hookimpl = pluggy.HookimplMarker(PROJECT)
hookspec = pluggy.HookspecMarker(PROJECT)


@runtime_checkable
class RegisteredEncoder(Protocol):
    """What `domaintoolkit.encoders.EncoderType` is: an encoder's name, its fit state and its class."""

    @property
    def name(self) -> str: ...

    @property
    def state(self) -> type[Any]: ...

    @property
    def encoder(self) -> type[Any]: ...


@hookspec
def domaintoolkit_domains() -> Iterable[Domain]:  # type: ignore[empty-body]
    """The domains of this plugin. Return a tuple."""


@hookspec
def domaintoolkit_encoders() -> Iterable[RegisteredEncoder]:  # type: ignore[empty-body]
    """The encoders of this plugin, as `domaintoolkit.encoders.EncoderType`s. Return a tuple."""
