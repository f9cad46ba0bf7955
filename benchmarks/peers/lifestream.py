"""pytorch-lifestream 0.6.0: `PandasDataPreprocessor`, fit and transform, from a pandas table in memory.

It groups by user, encodes the three categories by frequency and leaves the price as it is.
"""

from __future__ import annotations

import pandas as pd
from measure import arguments, measure
from ptls.preprocessing import PandasDataPreprocessor

given = arguments(__doc__)
table = pd.read_parquet(given.file)


def job() -> object:
    preprocessor = PandasDataPreprocessor(
        col_id="user_id",
        col_event_time="event_time",
        cols_category=["event_type", "category", "brand"],
        cols_numerical=["price"],
        return_records=False,
    )
    return preprocessor.fit_transform(table)


measure(job, given.runs)
