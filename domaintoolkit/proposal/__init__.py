"""A schema and a reader for a table that nobody has described yet, proposed from its rows."""

from domaintoolkit.proposal.proposal import Proposal, ProposedColumn, Question, UserChoices
from domaintoolkit.proposal.proposer import propose
from domaintoolkit.proposal.toml_text import write_toml

__all__ = ["Proposal", "ProposedColumn", "Question", "UserChoices", "propose", "write_toml"]
