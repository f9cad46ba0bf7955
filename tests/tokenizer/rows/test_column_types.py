"""One type for columns that come in several."""

from __future__ import annotations

from decimal import Decimal
from functools import reduce
from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import DataError
from domaintoolkit.schema import Categorical, Schema
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.rows.column_types import common_type, parse_type, write_type
from domaintoolkit.values.value_names import write_names

KINDS = [
    pa.null(), pa.bool_(), pa.int8(), pa.int16(), pa.int64(), pa.uint8(), pa.uint64(), pa.float32(), pa.float64(),
    pa.string(), pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.timestamp("us", "Europe/Berlin"),
    pa.decimal128(9, 2), pa.decimal128(12, 3), pa.decimal256(60, 2),
]  # fmt: skip


@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))
def test_types_join_the_same_in_any_order(kinds: list[pa.DataType]) -> None:
    whole = {str(reduce(common_type, order)) for order in permutations(kinds)}
    assert len(whole) == 1
    assert parse_type(write_type(reduce(common_type, kinds))) == reduce(common_type, kinds)
    for cut in range(1, len(kinds)):
        parts = (kinds[:cut], kinds[cut:])
        assert common_type(*(reduce(common_type, part) for part in parts)) == reduce(common_type, kinds)


@pytest.mark.parametrize(
    "kind",
    [
        *KINDS, pa.time32("s"), pa.time64("us"), pa.duration("ns"), pa.decimal32(5, 2), pa.binary(3), pa.uuid(),
        pa.list_(pa.field("odd, name>", pa.struct([("a: b", pa.int8())]))), pa.timestamp("ns", "+05:30"),
    ],
    ids=str,
)  # fmt: skip
def test_a_type_is_read_as_it_was_written(kind: pa.DataType) -> None:
    assert parse_type(write_type(kind)) == kind


@pytest.mark.parametrize("text", ["", "text", "arrow:", "arrow:AAAA", "arrow:\u00e9", "decimal128(99, 1)"])
def test_a_text_that_is_not_a_type_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any: the words are those of Arrow
        parse_type(text)


@pytest.mark.parametrize("column", ["user", "what"])
@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, -1]),
        pa.array([1, 2], pa.uint8()),
        pa.array([0.5, 2.0**60]),
        pa.array(np.array([0.5, 1], np.float16)),
        pa.array([Decimal("1.50"), Decimal(2)]),
        pa.array([True, False]),
        pa.array(["a", "18446744073709551615"]),
    ],
)
def test_every_value_that_was_fitted_encodes_whatever_types_its_column_came_in(column: str, values: pa.Array) -> None:
    schema = Schema(entity=("user",), fields=(Categorical("what"),))
    huge = pa.array([2**64 - 1, 3], pa.uint64())
    tables = [
        pa.table({"user": pa.array([1, 2]), "what": pa.array(["x", "y"])} | {column: own}) for own in (huge, values)
    ]
    tokenizer = DomainTokenizer(schema)
    for table in tables:
        tokenizer.partial_fit(table)
    for table in tables:
        streams = tokenizer.encode(table)
        assert streams.events == 2
        assert streams.counts.spelled == 0
        assert np.array_equal(tokenizer.encode(tokenizer.decode(streams)).ids, streams.ids)


FITTED = st.sampled_from([pa.int64(), pa.int8(), pa.float64(), pa.bool_(), pa.date32(), pa.decimal128(9, 2)])
NUMBER_LIKE = st.text("0123456789+-.eEx ", max_size=5) | st.sampled_from(
    ["0x1F", "007", "7.0", "S", "true", "1970-01-02"]
)


def column_of(kind: pa.DataType, numbers: list[int]) -> pa.Array:
    values = pa.array([abs(number) % 2 for number in numbers] if pa.types.is_boolean(kind) else numbers, pa.int32())
    return (values.cast(pa.int8()) if pa.types.is_decimal(kind) else values).cast(kind)


@given(
    FITTED,
    st.lists(st.integers(0, 9), min_size=1),
    st.lists(NUMBER_LIKE, min_size=1),
    st.sampled_from(["spell", "hash"]),
)
def test_any_text_encodes_to_a_category_that_was_fitted_on_numbers(
    kind: pa.DataType, fit: list[int], texts: list[str], unseen: str
) -> None:
    schema = Schema(entity=("user",), fields=(Categorical("what", unseen=unseen, hash_buckets=3),))
    tokenizer = DomainTokenizer(schema).fit({"user": [1] * len(fit), "what": column_of(kind, fit)})
    streams = tokenizer.encode({"user": [1] * len(texts), "what": texts})
    decoded = tokenizer.decode(streams)
    if unseen == "spell":
        assert write_names(decoded["what"].combine_chunks()).to_pylist() == texts
    assert np.array_equal(tokenizer.encode(decoded).ids, streams.ids)
    alone = tokenizer.encode_entity([{"user": 1, "what": text} for text in texts])
    assert alone.tolist() == streams.ids.tolist()


@given(FITTED, st.lists(st.integers(0, 9), min_size=1), NUMBER_LIKE)
def test_a_key_is_a_number_only_in_that_numbers_own_spelling(kind: pa.DataType, fit: list[int], text: str) -> None:
    keys = column_of(kind, fit)
    tokenizer = DomainTokenizer(Schema(entity=("user",), fields=(Categorical("what"),)))
    tokenizer.fit({"user": keys, "what": ["x"] * len(fit)})
    try:
        streams, said = tokenizer.encode({"user": [text], "what": ["x"]}), ""
    except DataError as error:
        said = str(error)
        streams = None
    if streams is None:
        assert "fit again with this column as text" in said
    else:
        key = streams.entities["user"].combine_chunks()
        assert text in (write_names(key)[0].as_py(), key.cast(pa.string())[0].as_py())


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64(), pa.timestamp("us"), pa.timestamp("s", "UTC")], ids=str)
def test_a_key_of_the_year_0_is_refused_if_keys_are_dates_or_times(kind: pa.DataType) -> None:
    tokenizer = DomainTokenizer(Schema(entity=("user",), fields=(Categorical("what"),)))
    tokenizer.fit({"user": pa.array([0, 86_400_000]).cast(pa.int64()).view(kind) if kind != pa.date32() else
                   pa.array([0, 1], pa.int32()).view(kind), "what": ["x", "y"]})  # fmt: skip
    with pytest.raises(DataError):
        tokenizer.encode({"user": ["0000-01-01"], "what": ["x"]})


def test_numbers_of_another_type_are_the_categories_that_they_equal() -> None:
    schema = Schema(entity=("user",), fields=(Categorical("code"),))
    tokenizer = DomainTokenizer(schema).fit({"user": [1, 1], "code": [5300, 10**15]})
    streams = tokenizer.encode({"user": [1.0] * 4, "code": [5300.0, 1e15, 1.5, None]})
    assert streams.counts.spelled == 1
    assert tokenizer.decode(streams)["code"].to_pylist() == ["5300", str(10**15), "1.5", None]
    with pytest.raises(DataError, match="fitted as int64, which cannot hold"):
        tokenizer.encode({"user": [1.5], "code": [5300]})
