"""Fit in parts, as on several machines, and merge: the same vocabulary: `python examples/merge_fits.py`."""

import pyarrow as pa

import domaintoolkit as dt

bank = dt.get_domain("finance")
table = pa.Table.from_batches(bank.sample(6_000, seed=0))

whole = dt.DomainTokenizer(bank.schema).fit(table)
first = dt.DomainTokenizer(bank.schema).partial_fit(table.slice(0, 1_500))
second = dt.DomainTokenizer(bank.schema).partial_fit(table.slice(1_500))
merged = second.merge(first)

print("in one go:", whole.vocabulary.hash)
print("merged:   ", merged.vocabulary.hash)
assert merged.vocabulary == whole.vocabulary
