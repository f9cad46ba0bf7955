"""The `domaintoolkit` command; as `python -m domaintoolkit` launchers of several processes take it."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command. Ctrl-C ends it quietly also while the command line itself is still being loaded."""
    try:
        from domaintoolkit.cli import main as command
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.exit(130)
    command()


if __name__ == "__main__":
    main()
