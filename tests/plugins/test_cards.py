"""The tables in the data cards are what the samples hold today."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from ad_clicks import ADS
from ecommerce_rees46 import ECOMMERCE
from finance_synthetic import FINANCE

from domaintoolkit.schema import Domain

CARDS = Path(__file__).parents[2] / "domains"


def measured(domain: Domain) -> str:
    """The table of a data card: every column of the default sample (seed 0)."""
    table = pa.Table.from_batches(domain.sample(domain.sample_events, 0))
    lines = ["| column | distinct | missing | for example |", "|---|---|---|---|"]
    for name in table.column_names:
        column = table[name]
        distinct = pc.count_distinct(column).as_py()
        example = pc.mode(column.drop_null().cast(pa.string()).dictionary_encode().combine_chunks().indices, 1)
        text = column.drop_null().cast(pa.string()).dictionary_encode().combine_chunks().dictionary
        shown = text[example[0]["mode"].as_py()].as_py()
        lines.append(f"| {name} | {distinct:,} | {column.null_count / len(column):.1%} | `{shown}` |")
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("domain", [ADS, ECOMMERCE, FINANCE], ids=lambda domain: domain.name)
def test_the_table_of_the_card(domain: Domain) -> None:
    card = (CARDS / domain.name / "README.md").read_text(encoding="utf-8")
    assert measured(domain) in card, f"the table should be\n{measured(domain)}"
