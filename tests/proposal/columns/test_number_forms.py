"""The marks of numbers are found from the numbers."""

from __future__ import annotations

import pytest

from domaintoolkit.proposal.columns.number_forms import find_number_settings, is_code


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        (["€1.234,56", "€12,00"], {"prefix": "€", "thousands": ".", "decimal": ","}),
        (["$1,234.50", "($12.50)"], {"prefix": "$", "negative": "parentheses", "thousands": ","}),
        (["12,5", "3"], {"decimal": ","}),
        (["1,234", "12"], {"thousands": ","}),
        (["1.234", "0.5"], {}),
        (["12 kg", "3 kg"], {"suffix": "kg"}),
        (["5%", "10.5 %"], {"percent": True}),
        (["1 234,50", "12,00"], {"thousands": " ", "decimal": ","}),
        (["1'234.50", "7"], {"thousands": "'"}),
        (["12.50-", "3.00"], {"negative": "trailing"}),
        (["1,00,000.00", "12.50"], {"thousands": ","}),
        (["EUR 5", "EUR 7"], {"prefix": "EUR"}),
    ],
)
def test_the_settings_are_found(values: list[str], settings: dict[str, object]) -> None:
    found = find_number_settings(values)
    assert found is not None
    assert found[0] == settings


@pytest.mark.parametrize("values", [["A12", "A13"], ["1.2.3", "1.2.4"], ["red", "5"], ["2024-01-05"], ["1,2,3"]])
def test_other_texts_are_not_numbers(values: list[str]) -> None:
    found = find_number_settings(values)
    assert found is None or found[1]


def test_digits_with_zeros_in_front_or_too_many_are_codes() -> None:
    assert is_code(["12", "007"])
    assert is_code(["2053013555631882655"])
    assert not is_code(["0", "12", "1.05"])
