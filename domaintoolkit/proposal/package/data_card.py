"""The data card of a proposed domain: what is known, and what its owner has to add."""

from __future__ import annotations

import re

from domaintoolkit.proposal.proposal import Proposal

__all__ = ["write_card"]


def write_card(proposal: Proposal) -> str:
    """The text of a data card, without its title."""
    looked = (
        f"{proposal.rows:,}" if proposal.rows >= proposal.total else f"{proposal.rows:,} of about {proposal.total:,}"
    )
    notes = "".join(f"- {_cell(note)}\n" for note in proposal.notes)
    rows = "".join(
        f"| {_cell(each.header) or '(none)'} | {each.role} | {_cell(each.encoder)} | {_cell(each.reason)} |\n"
        for each in proposal.columns
    )
    return f"""\
| | |
|---|---|
| rows looked at | {looked} |
| entity | {_cell(", ".join(proposal.schema.entity))} |
| time | {_cell(proposal.schema.time or "none: the order of the rows, or of the columns in `order_by`")} |
| source and licence | *to be filled in: who publishes the data, and on what terms* |
| personal data | *to be filled in: whose data it is, and what they agreed to* |

## Columns

| column | role | encoder | reason |
|---|---|---|---|
{rows}
{f"## Notes{chr(10)}{chr(10)}{notes}" if notes else ""}
## The simulated sample

`encode` without files simulates rows. They are drawn from the marginals in `marginals.json`, each column by itself:
shares of values that several entities have, quantiles of numbers, pauses between events, and lengths of histories. Keys
and rare values are made up, so no row of the table and no value of a single entity is in the sample. Columns do not
depend on each other in it: it shows that everything works, and a model that is trained on it learns nothing about the
data.""".replace("\n\n\n", "\n\n")


def _cell(text: str) -> str:
    """A text for a cell of a table."""
    plain = re.sub(r"\s+", " ", text)
    return re.sub(r"([\\|<>*_`\[\]])", r"\\\1", plain)
