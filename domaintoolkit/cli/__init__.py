"""The command line. Each command has its own module, which is imported when the command is called."""

from domaintoolkit.cli.main import main

__all__ = ["main"]
