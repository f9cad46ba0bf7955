"""`Proposal`: a schema and a reader, with the reason of each choice, the questions that are open, and their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domaintoolkit.proposal.encoder_choice import As
from domaintoolkit.schema import Reader, Schema
from domaintoolkit.simulation import Marginals

__all__ = ["Proposal", "ProposedColumn", "Question", "UserChoices"]


@dataclass(frozen=True)
class UserChoices:
    """Choices that the user makes up front; None leaves one to the proposal, and `none` as a name is the answer "none".

    Columns are named by their header or by their name in the proposed schema.
    """

    entity: tuple[str, ...] | None = None
    time: tuple[str, ...] | None = None
    session: str | None = None
    order_by: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    static: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    encoders: Mapping[str, As] = field(default_factory=dict)
    day_first: bool | None = None
    zone: str | None = None
    encoding: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A choice that the rows do not decide: its `key` is the name of the answer. The first option is the likeliest."""

    key: str
    text: str
    options: tuple[tuple[str, str], ...]
    """The answers, each with what it means."""
    is_needed: bool = False
    """True if a wrong answer would make wrong data, so that nobody but the user may give it."""


@dataclass(frozen=True, slots=True)
class ProposedColumn:
    """One column of the files: its `role` (`entity`, `time`, `field`, `static`, ... or `left out`) and the reason."""

    name: str
    header: str
    role: str
    encoder: str
    reason: str


@dataclass(frozen=True)
class Proposal:
    """A schema and a reader, the role of every column, what is not sure, and notes."""

    schema: Schema
    reader: Reader
    columns: tuple[ProposedColumn, ...]
    questions: tuple[Question, ...]
    notes: tuple[str, ...]
    rows: int
    total: int
    refused: float
    """The share of the rows that `encode` will refuse."""
    marginals: Marginals = field(repr=False)
    """The marginals that the simulated sample of the domain is drawn from."""
