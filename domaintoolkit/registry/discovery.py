"""Find plugins through their entry points, each loaded on its own, so that a broken one stops no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from domaintoolkit.registry.guard import PluginFailedError, guard
from domaintoolkit.registry.hooks import PROJECT
from domaintoolkit.registry.plugin import Failure, Plugin

__all__ = ["identify_plugins", "load_plugins"]


def identify_plugins(plugins: Iterable[object]) -> Iterator[tuple[Plugin, object]]:
    """Name plugins that are passed as modules, classes or objects; names are made unique with a number."""
    seen: Counter[str] = Counter()
    for plugin in plugins:
        name, origin = _name_and_origin(plugin)
        seen[origin] += 1
        number = f"#{seen[origin]}" if seen[origin] > 1 else ""
        yield Plugin(name + number, origin + number), plugin


def _name_and_origin(plugin: object) -> tuple[str, str]:
    if isinstance(plugin, ModuleType):
        return plugin.__name__, plugin.__name__
    kind = plugin if isinstance(plugin, type) else type(plugin)
    return kind.__name__, f"{kind.__module__}:{kind.__qualname__}"


def load_plugins() -> Iterator[tuple[Plugin, object] | Failure]:
    """Load every entry point of the group `domaintoolkit`, in the order of the plugins."""
    # entry points come in whatever order the distributions are found in
    found = sorted(((_identity(point), point) for point in entry_points(group=PROJECT)), key=lambda pair: pair[0])
    for identity, point in found:
        try:
            with guard(identity):
                plugin = point.load()
        except PluginFailedError as error:
            yield Failure(identity, f"cannot be loaded: {error}")
        else:
            yield identity, plugin


def _identity(point: EntryPoint) -> Plugin:
    if point.dist is None:
        return Plugin(point.name, point.value)
    return Plugin(point.name, point.value, point.dist.name, point.dist.version)
