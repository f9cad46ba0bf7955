from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from domaintoolkit.util.arrow import find_width, take_rows

SAME, OTHER = ["ab1", "cd2", "ef3", "gh4", "ij5"], ["ab1", "", "ef", None, "ij567"]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()])
def test_a_width_is_that_of_all_values(kind: pa.DataType) -> None:
    assert find_width(pa.array(SAME).cast(kind)) == 3
    assert find_width(pa.array(["longer", *SAME]).cast(kind).slice(1, 3)) == 3
    # as many bytes as if all had three
    assert find_width(pa.array(["abc", "de", "fghi"]).cast(kind)) == 0
    assert find_width(pa.array([*SAME, None]).cast(kind)) == 0
    assert find_width(pa.array(["", ""]).cast(kind)) == 0
    assert find_width(pa.array([], kind)) == 0


def test_no_width_is_found_in_a_view() -> None:
    assert find_width(pa.array(SAME).cast(pa.string_view())) == 0


@pytest.mark.parametrize("texts", [SAME, OTHER, ["aaaaaaaaaaaaaaaaa"] * 5])
@pytest.mark.parametrize("order", [[4, 0, 0, 2], [], [1, 2, 3]])
def test_rows_are_taken_as_arrow_takes_them(texts: list[str | None], order: list[int]) -> None:
    whole = pa.table({"text": pa.array(["first", *texts]).slice(1), "number": [0, 1, None, 3, 4]})
    for table in (whole, pa.concat_tables([whole.slice(0, 2), whole.slice(2)])):
        taken = take_rows(table, np.array(order, np.int64))
        taken.validate(full=True)
        assert taken.equals(table.take(pa.array(order, pa.int64())))
        assert all(column.num_chunks == 1 for column in taken.columns)
