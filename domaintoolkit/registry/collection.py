"""Call a hook of every plugin: one broken plugin stops no other, and no name has two owners."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from domaintoolkit.registry.guard import PluginFailedError, guard
from domaintoolkit.registry.manager import Manager
from domaintoolkit.registry.plugin import Failure, Plugin

__all__ = ["Answers", "collect"]

T = TypeVar("T")


@dataclass(slots=True)
class Answers(Generic[T]):
    """The values that the plugins returned, by name; the owner of each; and the failures."""

    values: dict[str, T] = field(default_factory=dict)
    owners: dict[str, Plugin] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


def collect(
    manager: Manager, hook: str, noun: str, check: Callable[[object], T], name: Callable[[T], str]
) -> Answers[T]:
    """Call `hook` of every plugin. `check` raises for a value of the wrong type; `name` returns a value's name."""
    offered: dict[str, list[tuple[Plugin, T]]] = defaultdict(list)
    answers: Answers[T] = Answers(failures=list(manager.failures))
    for plugin, implementation in manager.implementations(hook):
        accepted: list[T] = []
        try:
            with guard(plugin):
                _take(implementation(), noun, check, accepted)
        except PluginFailedError as error:
            names = tuple(name(value) for value in accepted)
            answers.failures.append(Failure(plugin, f"{hook} failed: {error}", names))
        else:
            for value in accepted:
                offered[name(value)].append((plugin, value))
    _settle(offered, noun, answers)
    return answers


def _take(result: Any, noun: str, check: Callable[[object], T], accepted: list[T]) -> None:
    """Append the values of `result` to `accepted` one by one, so that a failure keeps the values before it."""
    if result is None or isinstance(result, str | bytes) or not isinstance(result, Iterable):
        raise TypeError(f"expected a tuple of {noun}s, got {result!r}")
    for value in result:
        accepted.append(check(value))  # noqa: PERF401 - extend would lose the values before a failure


def _settle(offered: Mapping[str, list[tuple[Plugin, T]]], noun: str, answers: Answers[T]) -> None:
    """Accept the values of names with one owner, and record a failure for each owner of the others."""
    for name in sorted(offered):
        owners = offered[name]
        if len(owners) == 1:
            answers.owners[name], answers.values[name] = owners[0]
            continue
        for i, (plugin, _) in enumerate(owners):
            others = " and ".join(f"plugin {other}" for j, (other, _) in enumerate(owners) if j != i)
            reason = f"{noun} {name!r} is also registered by {others}; neither is used"
            answers.failures.append(Failure(plugin, reason, (name,)))
