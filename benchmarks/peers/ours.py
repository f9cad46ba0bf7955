"""domaintoolkit on the same rows; the last argument chooses the job that is timed.

fit_encode: fit, encode and group, from plain string columns
encode:     encode and group with a fitted tokenizer, from plain string columns
grouped:    the same from dictionary-encoded columns whose rows are already ordered by user and time
"""

from __future__ import annotations

import argparse

import pyarrow as pa
import pyarrow.parquet as pq
from measure import measure

import domaintoolkit as dt

CATEGORIES = ("event_type", "category", "brand")


def schema() -> dt.Schema:
    """Six columns, with a token for every category and brand, 64 price buckets, weekday, hour and delta."""
    return dt.Schema(
        entity="user_id",
        time="event_time",
        fields=[
            *(dt.Categorical(name) for name in CATEGORIES),
            dt.Numeric("price", bins=64),
            dt.Timestamp("event_time", parts=("weekday", "hour")),
        ],
    )


def group_rows(table: pa.Table) -> pa.Table:
    """The rows by user and time, with dictionaries for the categories."""
    table = table.sort_by([("user_id", "ascending"), ("event_time", "ascending")])
    for name in CATEGORIES:
        table = table.set_column(table.column_names.index(name), name, table[name].dictionary_encode())
    return table.unify_dictionaries().combine_chunks()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--timed", choices=["fit_encode", "encode", "grouped"], default="fit_encode")
    given = parser.parse_args()
    table = pq.read_table(given.file).combine_chunks()
    dt.DomainTokenizer(schema())  # loads the libraries before the clock starts, as the peers' imports do
    if given.timed == "fit_encode":
        measure(lambda: dt.DomainTokenizer(schema()).fit_encode(table), given.runs)
        return
    tokenizer = dt.DomainTokenizer(schema()).fit(table)
    tokens = len(tokenizer.encode(table.slice(0, 1000)).ids)
    rows = group_rows(table) if given.timed == "grouped" else table
    measure(lambda: tokenizer.encode(rows), given.runs, tokens=tokens)


if __name__ == "__main__":
    main()
