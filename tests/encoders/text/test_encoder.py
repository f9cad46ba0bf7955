from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from encoder_checks import check_column, fitted, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from domaintoolkit.encoders import BYTES, Cells, Encoder
from domaintoolkit.encoders.text import encoder as _text
from domaintoolkit.encoders.text.encoder import NULL, TEXT, TextEncoder, TextState
from domaintoolkit.errors import DataError, DecodeError
from domaintoolkit.schema import Text

ODD = [
    "",
    " ",
    "  a",
    "\0",
    "\n",
    "a\r\nb",
    "\u2581",
    "x\u2581 y",
    "\u2047",
    "<unk>",
    "<0x41>",
    "<s>",
    "[BOS]",
    "😀",
    "\ufeff",
]
TEXTS = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text("ab <0x41>\u2581\0") | st.sampled_from(ODD)
)
COLUMN = st.lists(st.none() | TEXTS, max_size=12)
SPECS = st.builds(
    Text,
    st.just("t"),
    model=st.sampled_from(["bpe", "unigram"]),
    vocabulary_size=st.integers(0, 40),
    max_distinct=st.integers(1, 8) | st.just(1000),
)
TYPES = st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
PAYMENTS = [f"card payment at store {number % 40}" for number in range(200)]


def _encoded(encoder: Encoder, values: list[str | None]) -> list[Cells]:
    return encoder.encode(encoder.prepare(encoder.spec, pa.array(values, pa.string())).values).parts


@pytest.mark.slow
@given(SPECS, COLUMN, COLUMN, TYPES)
def test_columns(spec: Text, fit: list[str | None], values: list[str | None], kind: pa.DataType) -> None:
    encoder = check_column(TEXT, spec, pa.array(fit, kind), pa.array(values, kind))
    assert encoder.decode(_encoded(encoder, values), pa.string()).to_pylist() == values
    assert len(encoder.slots) <= 2 + spec.vocabulary_size


@pytest.mark.slow
@given(SPECS, COLUMN)
def test_sliced_columns_and_long_dictionaries(spec: Text, values: list[str | None]) -> None:
    encoder = fitted(TEXT, spec, pa.array(values, pa.string()))
    column = pa.array([*values, "more", *values], pa.string())
    for whole in (column, column.dictionary_encode()):
        part = whole[1 : len(values) + 1]
        got = encoder.encode(encoder.prepare(spec, part).values)
        assert encoder.decode(got.parts, pa.string()).to_pylist() == part.to_pylist()
        assert got.missing == part.to_pylist().count(None)


@settings(max_examples=15)
@given(SPECS, st.lists(TEXTS, min_size=1, max_size=30), st.randoms())
def test_the_order_of_rows_and_the_batches_do_not_matter(spec: Text, values: list[str], random: Any) -> None:
    mixed = random.sample(values, len(values))
    one, other = fitted(TEXT, spec, pa.array(values), 1), fitted(TEXT, spec, pa.array(mixed), 3)
    assert one.to_json() == other.to_json()


@pytest.mark.parametrize("model", ["bpe", "unigram"])
def test_frequent_words_become_pieces(model: str) -> None:
    encoder = fitted(TEXT, Text("t", model=model, vocabulary_size=100), pa.array(PAYMENTS))
    texts = [slot.text for slot in encoder.slots]
    assert texts[:2] == [" null", " text"]
    assert ' " payment"' in texts
    (cells,) = _encoded(encoder, ["card payment at store 7"])
    assert len(cells.slots) < 10
    assert not any(slot.start or slot.fusible for slot in encoder.slots[2:])


def test_a_model_of_two_texts_falls_back_to_bytes() -> None:
    for model in ("bpe", "unigram"):
        for fit in ([], [None], [""], ["\n"], ["\0"], ["a"]):
            encoder = fitted(TEXT, Text("t", model=model), pa.array(fit, pa.string()))
            assert rows(_encoded(encoder, [None, "", "hé"])) == [(0,), (1,), (1, -1 - 0x68, -1 - 0xC3, -1 - 0xA9)]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["bpe", "unigram"])
def test_long_texts(model: str) -> None:
    texts = ["a" * 50_000, " ".join(["word"] * 50_000), "😀" * 10_000]
    encoder = fitted(TEXT, Text("t", model=model, vocabulary_size=20), pa.array(texts))
    assert encoder.decode(_encoded(encoder, texts), pa.large_string()).to_pylist() == texts


def test_more_characters_than_pieces() -> None:
    texts = [chr(code) * 2 for code in range(0x4E00, 0x4E80)]
    encoder = fitted(TEXT, Text("t", model="unigram", vocabulary_size=10), pa.array(texts))
    assert len(encoder.slots) <= 12
    assert encoder.decode(_encoded(encoder, texts), pa.string()).to_pylist() == texts


def test_a_column_without_values_has_no_type_for_a_text() -> None:
    """A model may write one there."""
    encoder = fitted(TEXT, Text("t"), pa.nulls(3))
    assert encoder.decode(_encoded(encoder, [None, "hé"]), pa.null()).to_pylist() == [None, "hé"]


@pytest.mark.parametrize("column", [pa.array([1]), pa.array([1.5]), pa.array([["a"]]), pa.array([True])])
def test_other_types_are_refused(column: pa.Array) -> None:
    ((row, reason),) = TextEncoder.prepare(Text("t"), column).refused
    assert row == 0
    assert "is not text" in reason


def test_invalid_text_is_refused_with_its_row() -> None:
    column = pa.array([b"ok", b"\xff", None])
    prepared = TextEncoder.prepare(Text("t"), column)
    assert [row for row, _ in prepared.refused] == [1]
    assert prepared.values.to_pylist() == ["ok", None, None]
    find = fitted(TEXT, Text("t"), column[:1]).lookup(np.arange(2 + BYTES))
    assert find([b"ok"]) == find(["ok"])
    for value in (b"\xff", "\ud800", 3, ["a"], float("nan")):
        with pytest.raises(DataError):
            find(["ok", value])


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 600])
def test_a_look_up_forgets_but_stays_right(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_text, "CACHED", 1200)
    encoder = fitted(TEXT, Text("t"), pa.array([], pa.string()))
    find = encoder.lookup(np.arange(2 + BYTES))
    values: list[str | None] = [f"{number} {'x' * length}" for number in range(500)]
    for start in range(6):
        batch = [f"{start}{value}" for value in values]
        assert find(batch)[7] == (1, *(2 + 255 - byte for byte in batch[7].encode()))
    assert find([None, ""]) == [(0,), (1,)]


@pytest.mark.parametrize(
    ("slots", "offsets", "message"),
    [
        ([1, -1 - 0xFF], [0, 2], "not valid Unicode"),
        ([0, -1 - 65], [0, 2], "split into pieces that encoding does not give"),
        ([1, 1], [0, 2], "begins with its marker"),
        ([-1 - 65], [0, 1], "begins with its marker"),
        ([1], [0, 1, 1], "begins with its marker"),
        ([1, *(-1 - byte for byte in b"payment")], [0, 8], "split into pieces that encoding does not give"),
    ],
)
def test_sequences_that_encoding_cannot_give(slots: list[int], offsets: list[int], message: str) -> None:
    encoder = fitted(TEXT, Text("t", vocabulary_size=100), pa.array(PAYMENTS))
    cells = Cells(np.array([0]), np.array(slots, np.int32), np.array(offsets))
    with pytest.raises(DecodeError, match=message):
        encoder.decode([cells], pa.string())


def test_only_null_without_offsets() -> None:
    encoder = fitted(TEXT, Text("t"), pa.array([], pa.string()))
    assert encoder.decode([Cells(np.array([0, 0]), np.array([NULL], np.int32))], pa.string()).to_pylist() == [
        None,
        None,
    ]


@pytest.mark.parametrize("model", ["bpe", "unigram"])
@pytest.mark.parametrize(
    "data",
    [
        {},
        {"merges": [["ab", "c"]], "pieces": [["", 1.0]]},
        {"merges": [["a"]], "pieces": [["ab"]]},
        {"merges": 3, "pieces": [["<0x41>", 0.0]]},
        {"merges": [["\0", "a"]], "pieces": [["ab", 0.0], ["ab", 0.0]]},
        {"model": "other"},
    ],
)
def test_other_data_is_no_model(model: str, data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"model|merge|unpack"):
        TextEncoder.from_json(Text("t", model=model), {"model": model, **data})


def test_thinning_keeps_counts_exact() -> None:
    state = TextState(Text("t", max_distinct=3))
    for _ in range(4):
        state.update(pa.array([str(number) for number in range(100)]))
    counts = state.counts()
    assert counts["count"].to_pylist() == [4, 4, 4]
    assert json.loads(json.dumps(state.finalize().to_json()))["model"] == "bpe"
