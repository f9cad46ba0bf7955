from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from domaintoolkit.errors import DataError
from domaintoolkit.finetune.fused_columns import fit_columns, read_columns

TABLE = pa.table({
    "price": pa.array(["1", "10", None, "1000", "2"]),
    "plan": ["free", "paid", "free", None, "paid"],
    "since": pa.array([0, 1, 2, 3, None], pa.timestamp("s")),
})  # fmt: skip
NAMES = ("price", "plan", "since")


def test_numbers_are_placed_by_rank_and_categories_have_codes() -> None:
    fits = fit_columns(TABLE, NAMES, np.arange(5))
    assert [fit.kind for fit in fits] == ["number", "category", "number"]
    made = read_columns(TABLE, fits)
    assert made.missing.tolist() == [[0, 0], [0, 0], [1, 0], [0, 0], [0, 1]]
    assert made.numbers[2, 0] == 0
    assert np.argsort(made.numbers[[0, 4, 1, 3], 0]).tolist() == [0, 1, 2, 3]
    assert made.codes[:, 0].tolist() == [2, 3, 2, 0, 3]
    later = read_columns(pa.table({"price": [1e9], "plan": ["gold"], "since": pa.array([None], pa.null())}), fits)
    assert later.numbers[0, 0] == made.numbers[3, 0]
    assert later.codes.tolist() == [[1]]


def test_a_column_without_numbers_or_values_is_refused() -> None:
    fits = fit_columns(TABLE, ("price",), np.arange(5))
    with pytest.raises(DataError, match="now holds other values"):
        read_columns(pa.table({"price": ["cheap"]}), fits)
    with pytest.raises(DataError, match="no value in the training rows"):
        fit_columns(TABLE, ("plan",), np.array([3]))
