"""Sequences of symbols: an author splits and joins, and every contract holds."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import domaintoolkit as dt
from domaintoolkit.encoders import SymbolEncoder
from domaintoolkit.errors import SchemaError
from domaintoolkit.schema import Custom
from domaintoolkit.testing import check_encoder, edge_texts


class Route(SymbolEncoder, name="route"):
    @classmethod
    def split(cls, text: str) -> list[str]:
        return text.split(">") if text else []

    @classmethod
    def join(cls, symbols: Sequence[str]) -> str:
        return ">".join(symbols)


class Letters(SymbolEncoder, name="letters"):
    """Upper case is lost, so that some values do not come back from their symbols."""

    @classmethod
    def split(cls, text: str) -> list[str]:
        return list(text.lower())

    @classmethod
    def join(cls, symbols: Sequence[str]) -> str:
        return "".join(symbols)


def spec(**options: int) -> Custom:
    return Custom("towers", encoder="route", options=options)


texts = st.lists(st.none() | st.text("aAb>", max_size=5) | edge_texts(), max_size=6).map(
    lambda v: pa.array(v, pa.string())
)


@pytest.mark.slow
@given(st.sampled_from([Route, Letters]), texts, texts, st.integers(0, 3), st.integers(1, 2))
def test_every_contract_of_an_encoder_holds(
    kind: type[SymbolEncoder], fit: pa.Array, values: pa.Array, size: int, least: int
) -> None:
    check_encoder(kind.encoder_type, spec(max_size=size, min_count=least), fit, values)


@pytest.mark.slow
@given(st.lists(st.none() | st.integers(-(10**6), 10**6), max_size=6), st.lists(st.integers(0, 99), max_size=6))
def test_whole_numbers_come_back_as_numbers(fit: list[int | None], values: list[int]) -> None:
    check_encoder(Letters.encoder_type, spec(max_size=2), pa.array(fit, pa.int64()), pa.array(values, pa.int64()))


def test_a_path_becomes_its_symbols() -> None:
    schema = dt.Schema(entity="user", fields=[spec(min_count=2)])
    table = {"user": [1, 1, 2, 3, 4], "towers": ["A12>A13>B7", "A12>A13", "A12>C1", "", None]}
    tokenizer = dt.DomainTokenizer(schema, [Route.encoder_type]).fit(table)
    streams = tokenizer.encode(table)
    assert streams.tokens(0)[1:] == [
        "[towers=A12]", "[towers then=A13]", "[towers then spell]", "[0x42]", "[0x37]",
        "[towers=A12]", "[towers then=A13]",
    ]  # fmt: skip
    assert tokenizer.decode(streams)["towers"].to_pylist() == table["towers"]
    assert streams.counts.fields["towers"] == {"spelled": 2, "hashed": 0, "clipped": 0, "missing": 1}


def test_its_state_can_be_pickled() -> None:
    state = Route.encoder_type.state(spec())
    state.update(pa.array(["a>b", "a"]))
    again = pickle.loads(pickle.dumps(state))
    assert again.dump().equals(state.dump())
    assert np.array_equal(len(again.finalize().slots), len(state.finalize().slots))


def test_wrong_options_are_refused() -> None:
    with pytest.raises(SchemaError, match=r"options\.min_count: expected a whole number of at least 1, got 0"):
        Route.encoder_type.state(spec(min_count=0)).finalize()


def test_a_spelled_symbol_still_decodes_after_it_has_got_a_token() -> None:
    schema = dt.Schema(entity="user", fields=[spec()])
    rows = {"user": [1], "towers": ["A>B"]}
    tokenizer = dt.DomainTokenizer(schema, [Route.encoder_type]).fit({"user": [1], "towers": ["A"]})
    before = tokenizer.encode(rows)
    tokenizer.extend(rows)
    assert len(tokenizer.encode(rows).ids) < len(before.ids)
    assert tokenizer.decode(before.ids, before.offsets)["towers"].to_pylist() == ["A>B"]
