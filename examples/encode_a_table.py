"""A table of one's own into token streams, and back: `python examples/encode_a_table.py`."""

import pandas as pd

import domaintoolkit as dt

loans = pd.DataFrame(
    {
        "reader": ["ann", "ben", "ann", "ann", "ben"],
        "lent": pd.to_datetime(
            ["2024-03-01 10:15", "2024-03-01 16:40", "2024-03-15 10:05", "2024-03-15 10:06", "2024-04-02 17:20"],
            utc=True,
        ),
        "shelf": ["novels.crime", "travel", "novels.crime", "novels.poetry", None],
        "pages": [312, 96, 455, 120, 64],
    }
)

schema = dt.Schema(
    entity=("reader",),
    time="lent",
    fields=(
        dt.Categorical("shelf", separator="."),
        dt.Numeric("pages", bins=4),
        dt.Timestamp("lent", parts=("weekday",)),
    ),
)

tokenizer = dt.DomainTokenizer(schema).fit(loans)
streams = tokenizer.encode(loans)
for number, reader in enumerate(streams.entities["reader"].to_pylist()):
    print(reader, *streams.tokens(number))

print(tokenizer.decode(streams).to_pandas())
