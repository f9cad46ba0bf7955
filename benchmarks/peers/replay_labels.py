"""RePlay 0.22: `LabelEncoder`, fit and transform, then a polars sort and group-by, from a polars table in memory.

It numbers the three categories; it makes no bins of the price and no tokens of the time.
"""

from __future__ import annotations

import polars as pl
from measure import arguments, measure
from replay.preprocessing import LabelEncoder, LabelEncodingRule

given = arguments(__doc__)
table = pl.read_parquet(given.file)


def job() -> object:
    rules = [LabelEncodingRule(name) for name in ("event_type", "category", "brand")]
    labelled = LabelEncoder(rules).fit_transform(table)
    return labelled.sort("user_id", "event_time").group_by("user_id", maintain_order=True).agg(pl.all())


measure(job, given.runs)
