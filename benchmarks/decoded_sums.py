"""Sum, mean and zeros of numbers before encoding and after decoding, with the default 64 buckets.

    python benchmarks/decoded_sums.py [FILE.csv[.gz] COLUMN]

Without a file, on made tables: heavy-tailed unit prices in cents with a frequent 9.99 and zeros, the same unrounded,
counts, and 1,000 rows of the first.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.csv

import domaintoolkit as dt


def tables() -> Iterator[tuple[str, pa.Array]]:
    """The named columns that are measured."""
    if len(sys.argv) > 1:
        options = pa.csv.ParseOptions(invalid_row_handler=lambda _: "skip")  # the last line may be cut short
        table = pa.csv.read_csv(sys.argv[1], parse_options=options)
        yield sys.argv[2], table[sys.argv[2]].combine_chunks()
        return
    random = np.random.default_rng(0)
    prices = random.pareto(1.2, 1_000_000) * 3 + 0.05
    prices[random.random(len(prices)) < 0.05] = 0
    prices[random.random(len(prices)) < 0.08] = 9.99
    yield "prices in cents", pa.array(np.round(prices, 2))
    yield "prices, unrounded", pa.array(prices)
    yield "counts", pa.array(random.geometric(0.2, 1_000_000) * random.integers(1, 9, 1_000_000))
    yield "1,000 prices", pa.array(np.round(prices[:1000], 2))


def main() -> None:
    schema = dt.Schema(entity="user", fields=[dt.Numeric("number")])
    heads = f"{'rows':>10}{'sum before':>18}{'after':>9}{'drawn':>9}{'never seen':>12}{'zeros':>16}{'9.99':>16}"
    print(f"{'column':24}{heads}")
    for name, column in tables():
        table = pa.table({"user": pa.nulls(len(column), pa.int8()).fill_null(0), "number": column})
        tokenizer = dt.DomainTokenizer(schema).fit(table)
        streams = tokenizer.encode(table)
        decoded, drawn = (tokenizer.decode(streams, sample=sample)["number"] for sample in (False, True))
        before, after, random = (np.asarray(numbers, np.float64) for numbers in (column, decoded, drawn))
        unseen = np.count_nonzero(~np.isin(np.concatenate([after, random]), before))
        counts = [[int(np.count_nonzero(side == value)) for side in (before, after)] for value in (0, 9.99)]
        zeros, prices = (f"{first:,} {second:,}" for first, second in counts)
        ratios = "".join(f"{side.sum() / before.sum():9.4f}" for side in (after, random))
        print(f"{name:24}{len(column):10,}{before.sum():18,.2f}{ratios}{unseen:12,}{zeros:>16}{prices:>16}")


if __name__ == "__main__":
    main()
