"""A wrapped encoder: values are changed, and a built-in encoder does the rest."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.encoders import WrappedEncoder
from domaintoolkit.schema import Categorical, Custom, Numeric
from domaintoolkit.testing import check_encoder
from domaintoolkit.values import Prepared


class Grade(WrappedEncoder, name="grade"):
    """`A+` to `F-` as a number from 0."""

    LETTERS = ("A", "B", "C", "D", "E", "F")
    NAMES = tuple(letter + mark for letter in LETTERS for mark in ("+", "", "-"))

    @classmethod
    def field(cls, spec: Any) -> Numeric:
        return Numeric(spec.name, bins=4, refine=2)

    @classmethod
    def change(cls, spec: Any, values: pa.Array) -> Prepared:
        places = pc.index_in(values.cast(pa.string()), pa.array(cls.NAMES))
        wrong = pc.and_(places.is_null(), values.is_valid()).to_pylist()
        refused = [(row, f"not a grade: {values[row]}") for row, is_wrong in enumerate(wrong) if is_wrong]
        return Prepared(places.cast(pa.float64()), refused)

    @classmethod
    def change_back(cls, spec: Any, values: pa.Array, type: pa.DataType) -> pa.Array:
        # a column without a grade in training decodes to NaN, as numbers do
        places = pc.if_else(pc.is_nan(values), 0, values)
        return pa.array(cls.NAMES).take(places.cast(pa.int64())).cast(type)


class Domain(WrappedEncoder, name="mail_domain"):
    """The domain of a mail address alone."""

    @classmethod
    def field(cls, spec: Any) -> Categorical:
        return Categorical(spec.name, max_size=3)

    @classmethod
    def change(cls, spec: Any, values: pa.Array) -> pa.Array:
        return pc.replace_substring_regex(values.cast(pa.string()), r"^(?s:.*)@", "")

    @classmethod
    def change_back(cls, spec: Any, values: pa.Array, type: pa.DataType) -> pa.Array:
        return pc.binary_join_element_wise("someone", values, "@").cast(type)


grades = st.lists(st.none() | st.sampled_from(Grade.NAMES) | st.just("G"), max_size=8).map(
    lambda values: pa.array(values, pa.string())
)
mails = st.lists(st.none() | st.sampled_from(["a@b.org", "c@b.org", "x", "", "d@@e.net"]), max_size=8).map(
    lambda values: pa.array(values, pa.string())
)


@pytest.mark.slow
@given(grades, grades)
def test_a_number_in_disguise_holds_every_contract(fit: pa.Array, values: pa.Array) -> None:
    check_encoder(Grade.encoder_type, Custom("grade", encoder="grade"), fit, values)


@pytest.mark.slow
@given(mails, mails)
def test_a_value_that_loses_something_holds_every_contract(fit: pa.Array, values: pa.Array) -> None:
    check_encoder(Domain.encoder_type, Custom("mail", encoder="mail_domain"), fit, values)


def test_what_the_change_refuses_is_refused_with_its_reason() -> None:
    made = Grade.encoder_type.encoder.prepare(Custom("grade", encoder="grade"), pa.array(["A", "Z"]))
    assert made.refused == [(1, "not a grade: Z")]
