"""Running code of a plugin so that it can disturb neither the output of a command nor the other plugins."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from threading import Timer, get_ident

from domaintoolkit.errors import Interrupted, cause, printable
from domaintoolkit.registry.plugin import Plugin

__all__ = ["PluginFailedError", "guard"]

PATIENCE = 5.0
"""Seconds after which a plugin that is still at work is named on standard error."""


class PluginFailedError(Exception):
    """Anything that a plugin's code raised; the message is its cause."""


@contextmanager
def guard(plugin: Plugin) -> Iterator[None]:
    """Run a plugin's code in the block. Text that it prints goes to standard error.

    Raises `PluginFailedError` for anything that the code raises, exits included, and `Interrupted` after Ctrl-C.
    Compiled code that ends the process cannot be stopped.
    """
    timer = Timer(PATIENCE, _complain, [plugin])
    timer.daemon = True
    timer.start()
    try:
        with redirect_stdout(sys.stderr), _without_hard_exit():
            yield
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted while plugin {plugin} was at work") from None
    # also SystemExit: a plugin that calls `sys.exit` must not end the command
    except BaseException as error:
        raise PluginFailedError(cause(error)) from error
    finally:
        timer.cancel()


@contextmanager
def _without_hard_exit() -> Iterator[None]:
    """In the block, `os._exit` raises, so that the plugin is named; in other threads and forked processes it exits."""
    leave, owner = os._exit, (os.getpid(), get_ident())

    def refuse(status: int) -> None:
        if (os.getpid(), get_ident()) == owner:
            raise SystemExit(f"os._exit({status})")
        leave(status)

    os._exit = refuse  # type: ignore[assignment]
    try:
        yield
    finally:
        os._exit = leave


def _complain(plugin: Plugin) -> None:
    """Say which plugin everything waits for."""
    print(printable(f"note: waiting for plugin {plugin}; Ctrl-C ends it"), file=sys.stderr, flush=True)  # noqa: T201
