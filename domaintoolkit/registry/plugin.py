"""The identity of a plugin, and its failures."""

from __future__ import annotations

from dataclasses import dataclass

from domaintoolkit.errors import PluginError

__all__ = ["Failure", "Plugin"]


@dataclass(frozen=True, slots=True, order=True)
class Plugin:
    """The identity of a plugin: its name, its module or class, and its distribution."""

    name: str
    origin: str
    """The module or class, as `package.module:attribute`."""
    distribution: str | None = None
    version: str | None = None

    @property
    def qualified(self) -> str:
        """A unique name, which sorts plugins the same way in whatever order they were installed."""
        return f"{self.distribution or ''}/{self.name}/{self.origin}"

    def __str__(self) -> str:
        return f"{self.name!r} (from {self.distribution} {self.version})" if self.distribution else f"{self.name!r}"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure of one plugin. `names` are the domains or encoders that are missing because of it, if known."""

    plugin: Plugin
    reason: str
    names: tuple[str, ...] = ()

    @property
    def error(self) -> PluginError:
        """The failure as an error to raise."""
        return PluginError(self.plugin.name, self.plugin.distribution, self.reason)

    def __str__(self) -> str:
        return str(self.error)
