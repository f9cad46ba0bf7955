"""The `domaintoolkit` command; as `python -m domaintoolkit` launchers of several processes take it."""

from __future__ import annotations

import gc
import os
import sys

__all__ = ["main"]

SETTINGS = {"MIMALLOC_ALLOW_THP": "0", "MIMALLOC_PURGE_DELAY": "1000", "PYDANTIC_DISABLE_PLUGINS": "__all__"}
"""Settings of packages that read them when they are loaded; those of the user come first.

Arrow's allocator: large pages are cleared whole, on a virtual machine several times as slowly as small ones: with them
a third of the time of encoding went into clearing. And what is freed is soon needed again, so it is kept for a second.
Pydantic: for plugins of its own, which no command needs, it reads the metadata of all installed packages.
"""


def main() -> None:
    """Run the command. Ctrl-C ends it quietly also while the command line itself is still being loaded."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        from domaintoolkit.cli import main as command
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.exit(130)
    try:
        command()
    finally:
        # at exit, Python goes through all objects several times, tokens of a vocabulary among them, to no end
        gc.freeze()


if __name__ == "__main__":
    main()
