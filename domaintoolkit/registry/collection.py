"""Asking every plugin: each answer in its own `try`, checked, and no name with two owners."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from domaintoolkit.registry.manager import Manager
from domaintoolkit.registry.plugin import Failure, Plugin, cause

__all__ = ["Answers", "collect"]

T = TypeVar("T")


@dataclass(slots=True)
class Answers(Generic[T]):
    """What the plugins gave, by name; each one's owner; and the failures."""

    values: dict[str, T] = field(default_factory=dict)
    owners: dict[str, Plugin] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


def collect(
    manager: Manager, hook: str, noun: str, check: Callable[[object], T], name: Callable[[T], str]
) -> Answers[T]:
    """Ask every plugin for `hook`. `check` raises for a value of the wrong type, `name` is what it is known by."""
    offered: dict[str, list[tuple[Plugin, T]]] = defaultdict(list)
    answers: Answers[T] = Answers(failures=list(manager.failures))
    for plugin, implementation in manager.implementations(hook):
        accepted: list[T] = []
        try:
            _take(implementation(), noun, check, accepted)
        except (Exception, SystemExit) as error:
            names = tuple(name(value) for value in accepted)
            answers.failures.append(Failure(plugin, f"{hook} failed: {cause(error)}", names))
        else:
            for value in accepted:
                offered[name(value)].append((plugin, value))
    _settle(offered, noun, answers)
    return answers


def _take(result: Any, noun: str, check: Callable[[object], T], accepted: list[T]) -> None:
    """Move the values of `result` into `accepted` one by one, so that a failure leaves those before it."""
    if result is None or isinstance(result, str | bytes) or not isinstance(result, Iterable):
        raise TypeError(f"returned {result!r}, expected a tuple of {noun}s")
    for value in result:
        accepted.append(check(value))  # noqa: PERF401 - extend would lose those before a failure


def _settle(offered: Mapping[str, list[tuple[Plugin, T]]], noun: str, answers: Answers[T]) -> None:
    for name in sorted(offered):
        owners = offered[name]
        if len(owners) == 1:
            answers.owners[name], answers.values[name] = owners[0]
            continue
        for i, (plugin, _) in enumerate(owners):
            others = " and ".join(f"plugin {other}" for j, (other, _) in enumerate(owners) if j != i)
            reason = f"{noun} {name!r} is also registered by {others}; none of them is used"
            answers.failures.append(Failure(plugin, reason, (name,)))
