"""What a user is told about a declaration that cannot stand."""

from __future__ import annotations

from datetime import date

import pytest

from domaintoolkit.errors import SchemaError
from domaintoolkit.schema import Categorical, Custom, Numeric, Reader, Schema, from_toml_text

TOML = """
entitty = "user"
min_events = true
fields = [
    { type = "catgorical", name = "a" },
    { name = "b" },
    { type = "numeric", name = "c", bin = 3, sign = "yes", strategy = "quantiles", refine = 0 },
    { type = "categorical", name = "d", max_size = "3", values = "x" },
]
[composite]
field = ["a"]
"""


def problems_of(text: str) -> dict[str, str]:
    with pytest.raises(SchemaError) as caught:
        from_toml_text(Schema, text)
    return {problem.path: problem.message for problem in caught.value.problems}


def test_all_problems_of_a_file_are_reported_at_once_each_with_its_path() -> None:
    found = problems_of(TOML)
    assert found.pop("entitty").endswith("untimed, zone; did you mean 'entity'?")
    assert found.pop("composite.field").endswith("vocabulary_size; did you mean 'fields'?")
    assert found.pop("fields[2].bin") == (
        "unknown setting 'bin'; available: bins, by, by_min_count, by_size, edges, name, refine, sign, strategy, type; "
        "did you mean 'bins'?"
    )
    kinds = "categorical, custom, numeric, text, timestamp"
    assert found == {
        "entity": "is required",
        "min_events": "expected a whole number, got True",
        "fields[0].type": f"unknown type 'catgorical'; available: {kinds}; did you mean 'categorical'?",
        "fields[1].type": f"is required; available: {kinds}",
        "fields[2].sign": "expected a valid boolean, got 'yes'",
        "fields[2].strategy": (
            "expected 'quantile', 'log', 'uniform' or 'explicit', got 'quantiles'; did you mean 'quantile'?"
        ),
        "fields[2].refine": "expected greater than or equal to 1, got 0",
        "fields[3].max_size": "expected a whole number, got '3'",
        "fields[3].values": "expected a list, got 'x'",
    }


def test_python_reports_the_same_problems() -> None:
    with pytest.raises(SchemaError, match=r"Categorical has 1 problem\n  maxsize: unknown setting .* mean 'max_size'"):
        Categorical("a", maxsize=3)  # type: ignore[call-arg]
    with pytest.raises(SchemaError, match=r"bins: expected a whole number, got 'a'\n  refine: "):
        Numeric("a", bins="a", refine=0)  # type: ignore[arg-type]
    with pytest.raises(SchemaError, match=r"columns\[0\]\.typ: unknown setting 'typ'; available: .*name.* mean 'type'"):
        Reader(columns=[{"name": "a", "typ": "int64"}])  # type: ignore[list-item]


def test_contradictions_are_problems() -> None:
    found = problems_of(
        'entity = ["a", "a"]\nfields = [{ type = "text", name = "b" }]\nlabels = ["b", "c"]\norder_by = "c"'
    )
    assert found == {
        "entity[1]": "column 'a' is already used by entity[0]",
        "labels[0]": "column 'b' is already used by fields[0].name",
        "order_by[0]": "column 'c' is a label, which no token encodes",
    }


def test_options_of_custom_fields_can_be_written_in_toml_and_json() -> None:
    with pytest.raises(SchemaError) as caught:
        Custom("a", encoder="b", options={"c": [1, {"d": None}], "e": {"f": date(2024, 1, 1)}})
    assert [problem.path for problem in caught.value.problems] == ["options.c[1].d", "options.e.f"]
