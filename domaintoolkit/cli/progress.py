"""The progress of a command: that of any job, on standard error."""

from domaintoolkit.display import ProgressBar as Bar

__all__ = ["Bar"]
