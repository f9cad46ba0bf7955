"""The plugin manager. Each use builds its own; nothing is registered at import."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from inspect import getattr_static, isroutine
from typing import Any

import pluggy

from domaintoolkit.registry import hooks as _hooks
from domaintoolkit.registry.discovery import identify_plugins, load_plugins
from domaintoolkit.registry.guard import PluginFailedError, guard
from domaintoolkit.registry.hooks import PROJECT
from domaintoolkit.registry.plugin import Failure, Plugin

__all__ = ["Manager", "build_manager"]

HOOKS = ("domaintoolkit_domains", "domaintoolkit_encoders")


class Manager:
    """Registered plugins, and the failures of the others."""

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager(PROJECT)
        self._pluggy.add_hookspecs(_hooks)
        self._plugins: dict[str, Plugin] = {}
        self.failures: list[Failure] = []

    def __repr__(self) -> str:
        return f"<Manager of {len(self._plugins)} plugins, {len(self.failures)} failures>"

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """The registered plugins, sorted."""
        return tuple(sorted(self._plugins.values(), key=lambda plugin: plugin.qualified))

    def register(self, identity: Plugin, plugin: object) -> None:
        """Register a plugin. A problem with its hooks is recorded as a failure, not raised."""
        try:
            with guard(identity):
                self.failures += [Failure(identity, reason) for reason in _find_ignored(self._pluggy, plugin)]
                self._pluggy.register(plugin, identity.qualified)
        except PluginFailedError as error:
            self.failures.append(Failure(identity, f"cannot be registered: {error}"))
        else:
            self._plugins[identity.qualified] = identity

    def implementations(self, hook: str) -> Iterator[tuple[Plugin, Callable[[], Any]]]:
        """Each plugin's implementation of `hook`, sorted by the plugins' qualified names."""
        caller: pluggy.HookCaller = getattr(self._pluggy.hook, hook)
        for found in sorted(caller.get_hookimpls(), key=lambda found: found.plugin_name):
            if not (found.wrapper or found.hookwrapper):
                yield self._plugins[found.plugin_name], found.function


def build_manager(plugins: Iterable[object] = (), entry_points: bool = False) -> Manager:
    """A manager of `plugins` (modules, classes or objects with hooks), and of all installed ones if requested."""
    manager = Manager()
    for identity, plugin in identify_plugins(plugins):
        manager.register(identity, plugin)
    for found in load_plugins() if entry_points else ():
        if isinstance(found, Failure):
            manager.failures.append(found)
        else:
            manager.register(*found)
    return manager


def _find_ignored(manager: pluggy.PluginManager, plugin: object) -> Iterator[str]:
    """Problems that pluggy ignores silently: hooks with an unknown name, or without a marker."""
    for name in dir(plugin):
        marked = manager.parse_hookimpl_opts(plugin, name)
        if marked is not None:
            hook = marked.get("specname") or name
            if hook not in HOOKS and not marked.get("optionalhook"):
                yield _unknown_hook(hook)
            elif marked.get("hookwrapper") or marked.get("wrapper"):
                yield f"{name} is a wrapper; the hooks of {PROJECT} do not support wrappers"
        elif name.startswith(f"{PROJECT}_") and _is_function(plugin, name):
            yield f"{name} is not marked with @hookimpl" if name in HOOKS else _unknown_hook(name)


def _is_function(plugin: object, name: str) -> bool:
    # static, since a property of a plugin would run code here
    return isroutine(getattr_static(plugin, name, None))


def _unknown_hook(name: str) -> str:
    # without a cutoff there is always a closest one
    close = get_close_matches(name, HOOKS, n=1, cutoff=0.0)
    return f"unknown hook {name}; the hooks are {' and '.join(HOOKS)}; did you mean {close[0]}?"
