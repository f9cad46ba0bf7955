"""Options that the ways to evaluate share, and the options that a user has set in vain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import click

from domaintoolkit.cli.options import AtLeast, add_options, bundle, device_option, model_threads_option

__all__ = ["Machine", "changed_options", "find_changes", "machine_options"]


@dataclass(frozen=True, slots=True)
class Machine:
    """The device, the threads and the seed of an evaluation."""

    device: str | None
    threads: int | None
    seed: int


def machine_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--seed`, `--device` and `--threads`; the command takes them as `machine`."""
    seed = click.option(
        "--seed", type=AtLeast(0), default=0, show_default=True, metavar="N", help="Seed of what is drawn."
    )
    return add_options(
        bundle(function, Machine, "machine"), seed, device_option, partial(model_threads_option, exposed=True)
    )


def find_changes(options: Any) -> dict[str, Any]:
    """The fields of a dataclass of options that differ from their defaults."""
    return {entry.name: value for entry in fields(options) if (value := getattr(options, entry.name)) != entry.default}


def changed_options(options: Any) -> list[str]:
    """The names of the options that the user has set, as they are typed."""
    return [f"--{name.replace('_', '-')}" for name in find_changes(options)]
