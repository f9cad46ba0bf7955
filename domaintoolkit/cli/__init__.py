"""The command line. Each command is in a file of its own, loaded when it is asked for."""

from domaintoolkit.cli.main import main

__all__ = ["main"]
