"""The plugin manager: one for each use, and nothing in it at import."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from inspect import getattr_static, isroutine
from typing import Any

import pluggy

from domaintoolkit.registry import hooks as _hooks
from domaintoolkit.registry.discovery import given_plugins, installed_plugins
from domaintoolkit.registry.hooks import PROJECT
from domaintoolkit.registry.plugin import Failure, Plugin, cause

__all__ = ["Manager", "build_manager"]

HOOKS = ("domaintoolkit_domains", "domaintoolkit_encoders")


class Manager:
    """Registered plugins, and the failures of those that could not be registered."""

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager(PROJECT)
        self._pluggy.add_hookspecs(_hooks)
        self._plugins: dict[str, Plugin] = {}
        self.failures: list[Failure] = []

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """Every plugin that was registered, in order."""
        return tuple(sorted(self._plugins.values(), key=lambda plugin: plugin.qualified))

    def register(self, identity: Plugin, plugin: object) -> None:
        """Take a plugin in; what is wrong with its hooks becomes a failure, not an exception."""
        try:
            self.failures += [Failure(identity, reason) for reason in _misspelt(self._pluggy, plugin)]
            self._pluggy.register(plugin, identity.qualified)
        except Exception as error:
            self.failures.append(Failure(identity, f"cannot be registered: {cause(error)}"))
        else:
            self._plugins[identity.qualified] = identity

    def implementations(self, hook: str) -> Iterator[tuple[Plugin, Callable[[], Any]]]:
        """Each plugin's implementation of `hook`, in the order of the plugins' qualified names."""
        caller: pluggy.HookCaller = getattr(self._pluggy.hook, hook)
        for found in sorted(caller.get_hookimpls(), key=lambda found: found.plugin_name):
            if not (found.wrapper or found.hookwrapper):
                yield self._plugins[found.plugin_name], found.function


def build_manager(plugins: Iterable[object] = (), entry_points: bool = False) -> Manager:
    """A manager with `plugins` (modules, classes or objects with hooks) and, if asked, every installed one."""
    manager = Manager()
    for identity, plugin in given_plugins(plugins):
        manager.register(identity, plugin)
    for found in installed_plugins() if entry_points else ():
        if isinstance(found, Failure):
            manager.failures.append(found)
        else:
            manager.register(*found)
    return manager


def _misspelt(manager: pluggy.PluginManager, plugin: object) -> Iterator[str]:
    """Hooks that would be ignored in silence: an unknown name, or a known one without its marker."""
    for name in dir(plugin):
        marked = manager.parse_hookimpl_opts(plugin, name)
        if marked is not None:
            hook = marked.get("specname") or name
            if hook not in HOOKS and not marked.get("optionalhook"):
                yield _no_hook(hook)
            elif marked.get("hookwrapper") or marked.get("wrapper"):
                yield f"{name} is a wrapper, and the hooks of {PROJECT} take none"
        elif name.startswith(f"{PROJECT}_") and _is_function(plugin, name):
            yield f"{name} lacks its @hookimpl" if name in HOOKS else _no_hook(name)


def _is_function(plugin: object, name: str) -> bool:
    return isroutine(getattr_static(plugin, name, None))


def _no_hook(name: str) -> str:
    close = get_close_matches(name, HOOKS, n=1, cutoff=0.0)
    return f"there is no hook {name}; the hooks are {' and '.join(HOOKS)}; did you mean {close[0]}?"
