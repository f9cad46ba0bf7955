"""An encoder that breaks its contract is told so, by method and field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from domaintoolkit.encoders import CATEGORICAL, NUMERIC, TEXT, TIMESTAMP, Encoded, EncoderType, Slot
from domaintoolkit.schema import Categorical, Numeric, Text, Timestamp
from domaintoolkit.testing import ContractError, check_encoder
from domaintoolkit.values import Prepared

VALUES = pa.array(["a", None, "b", "a", "c"])
INSTANTS = pa.array([0, None, 10**15], pa.timestamp("us", "UTC"))
SPEC = Categorical("position")


def broken(part: str, **methods: Any) -> EncoderType:
    """The categorical encoder with methods replaced, of its `state` or its `encoder`."""
    if part == "state":
        return replace(CATEGORICAL, state=type("Broken", (CATEGORICAL.state,), methods))
    other = type("Broken", (CATEGORICAL.encoder,), methods)

    def finalize(self: Any) -> Any:
        made = CATEGORICAL.state.finalize(self)
        return other(made.spec, made._levels, made._observed)

    return EncoderType("broken", type("State", (CATEGORICAL.state,), {"finalize": finalize}), other)


def encoding(change: Callable[[Encoded], Encoded]) -> EncoderType:
    return broken("encoder", encode=lambda self, values: change(CATEGORICAL.encoder.encode(self, values)))


def wrong_decode(self: Any, parts: Any, type: pa.DataType) -> pa.Array:
    return pa.array(["a"] * len(parts[0].codes), type)


def wrong_lookup(self: Any, ids: Any) -> Any:
    return lambda values: [(1,)] * len(values)


def later_null(self: Any, other: Any) -> None:
    """Merging that forgets."""


def first_only(self: Any, values: pa.Array) -> Encoded:
    made = CATEGORICAL.encoder.encode(self, values)
    (cells,) = made.parts
    codes = np.zeros_like(cells.codes)  # every value has the tokens of the first
    return replace(made, parts=[replace(cells, codes=codes)], missing=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (encoding(lambda made: replace(made, missing=0)), r"`encode` of 'position' returned missing=0 for 1 values"),
        (encoding(lambda made: replace(made, parts=[])), r"`encode` of 'position' returned 0 parts; `parts` names 1"),
        (encoding(lambda made: [1]), r"`encode` of 'position' returned \[1\], not an Encoded"),
        (encoding(lambda made: made.parts[5]), r"`encode` of 'position' raised IndexError"),
        (encoding(lambda made: replace(made, spelled=-1)), r"`encode` of 'position' returned spelled=-1"),
        (
            encoding(lambda made: replace(made, parts=[replace(made.parts[0], slots=made.parts[0].slots + 90)])),
            r"`encode` of 'position' returned slot 93 in part 0",
        ),
        (
            encoding(lambda made: replace(made, parts=[replace(made.parts[0], codes=made.parts[0].codes[1:])])),
            r"`encode` of 'position' returned codes of .* and shape \(3,\) in part 0",
        ),
        (broken("encoder", encode=first_only), r"`encode` of 'position' gives a null other tokens"),
        (broken("encoder", decode=wrong_decode), r"`decode` of 'position' turns \[=b\], .* of 'b', into 'a'"),
        (broken("encoder", lookup=wrong_lookup), r"`lookup` of 'position' gives 'b' the ids \(1,\) and `encode`"),
        (broken("encoder", to_json=lambda self: {"a": {1}}), r"`to_json` of 'position' returned what JSON cannot hold"),
        (broken("encoder", to_json=lambda self: {}), r"`from_json` of 'position' raised KeyError"),
        (broken("encoder", prepare=staticmethod(lambda spec, values: values)), r"`prepare` .* not a Prepared"),
        (
            broken("encoder", prepare=staticmethod(lambda spec, values: Prepared(values, [(1, "no null, please")]))),
            r"`prepare` of 'position' refused a null",
        ),
        (broken("encoder", slots=(Slot("a", "", "x"), Slot("a", "", "y"))), r"`slots` of 'position' has the same kind"),
        (broken("encoder", extend=lambda self, state: state.finalize()), r"`extend` of 'position' moves or changes"),
        (broken("state", merge=later_null), r"`merge` of 'position' gives another state than `update`"),
        (broken("state", dump=lambda self: {}), r"`dump` of 'position' returned {}, not an Arrow table"),
        (broken("state", finalize=lambda self: None), r"`finalize` of 'position' returned None, not an Encoder"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_as_the_encoders_own(kind: EncoderType, reason: str) -> None:
    with pytest.raises(ContractError, match=reason) as caught:
        check_encoder(kind, SPEC, VALUES, pa.array(["b", "a", None, "z"]))
    assert caught.value.contract == "encoders"
    assert caught.value.field == "position"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "spec", "values"),
    [
        (CATEGORICAL, SPEC, VALUES),
        (CATEGORICAL, Categorical("a", separator=".", max_size=2), pa.array(["a.b", "a", None, "c.d.e"])),
        (CATEGORICAL, Categorical("a", unseen="hash", hash_buckets=3, max_size=1), VALUES),
        (NUMERIC, Numeric("a", sign=True, refine=2, bins=3), pa.array([1.0, None, float("nan"), -3.5, 0.0])),
        (TEXT, Text("a", vocabulary_size=5), VALUES),
        (TIMESTAMP, Timestamp("a", parts=("year", "hour"), delta=False), INSTANTS),
    ],
)  # fmt: skip
def test_the_encoders_of_the_toolkit_hold(kind: EncoderType, spec: Any, values: pa.Array) -> None:
    check_encoder(kind, spec, values, values)
    check_encoder(kind, spec, values[:0], values)
