"""The distribution of a proposed domain: its files, and their installation."""

from domaintoolkit.proposal.package.distribution import Names, write_distribution
from domaintoolkit.proposal.package.installation import install, run_domaintoolkit

__all__ = ["Names", "install", "run_domaintoolkit", "write_distribution"]
