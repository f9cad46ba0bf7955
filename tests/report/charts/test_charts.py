from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from domaintoolkit.report.charts import Figure, Series, bar_chart, heat_map, histogram, line_chart
from domaintoolkit.report.charts.axes import Scale1D, scale_over
from domaintoolkit.report.charts.figure import number_text
from domaintoolkit.report.charts.standalone import name_files, standalone_svg, write_figures

NAME = "<b>&\"'\x01\x1b\n\ufffe"


@pytest.mark.parametrize(
    "figure",
    [
        line_chart(NAME, [Series(NAME, [1, 9], [3.0, float("nan")], [2, 1], [4, 3], "both")], NAME, NAME),
        line_chart("", [Series("a", [1], [1])], "", "", log_x=True, log_y=True),
        line_chart("", [Series("a", [], []), Series("b", list(range(999)), [0.0] * 999)], "", ""),
        bar_chart(NAME, [NAME, "b"], {NAME: [1, -2], "other": [0, float("nan")]}, NAME, NAME, {NAME: [(0, 2), None]}),
        bar_chart("", [], {"a": []}, ""),
        histogram(NAME, [0, 1, 5], {NAME: [3, 4], "b": [0, 0]}, NAME, cuts=[0.5]),
        heat_map(NAME, [NAME], [NAME, "b"], {NAME: [[0.1, 0.9]]}),
    ],
)  # fmt: skip
def test_pictures_are_well_formed_and_files_of_their_own(figure: Figure) -> None:
    ElementTree.fromstring(figure.svg)
    root = ElementTree.fromstring(standalone_svg(figure))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert all(len(row) == len(figure.table.header) for row in figure.table.rows)


def test_every_number_is_in_the_table() -> None:
    figure = line_chart("", [Series("a", [1, 2], [3, 4]), Series("b", [2], [5.25], [5], [6])], "x", "")
    assert figure.table.header == ("x", "a", "b")
    assert figure.table.rows == (("1", "3", ""), ("2", "4", "5.250 (5 to 6)"))
    assert figure.table.is_text == [False, False, False]


def test_scales_hold_their_values_and_ticks_are_round() -> None:
    assert scale_over([0.0, 10.0], 0, 100).ticks() == [0, 2.5, 5, 7.5, 10]
    log = Scale1D(1, 1000, 0, 300, True)
    assert log(10) == pytest.approx(100)
    assert log.ticks() == pytest.approx([1, 10, 100, 1000])
    flat = scale_over([5.0, 5.0], 0, 1)
    assert flat.low < 5 < flat.high


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (1234567.0, "1,234,567"), (0.01234, "0.0123"), (12.3456, "12.346")]
)
def test_numbers_have_about_four_digits(value: float, text: str) -> None:
    assert number_text(value) == text


def test_files_of_pictures_have_plain_colours_and_names_of_their_own(tmp_path: Path) -> None:
    figure = line_chart("Loss, in bits", [Series("a", [1, 2], [3, 4]), Series("b", [1, 2], [4, 3])], "x", "y")
    text = standalone_svg(figure)
    assert "var(" not in text
    assert "color-mix" not in text
    light, dark = text.split("@media (prefers-color-scheme: dark)")
    assert ".c1 .line, .line.c1 { fill: none; stroke: #d0651c;" in light
    assert ".c1 .line, .line.c1 { fill: none; stroke: #f09a5b;" in dark
    assert name_files(["Größe, 1%", "Loss", "loss!", "日本", ""]) == ["gr-e-1", "loss", "loss-2", "figure", "figure-2"]
    write_figures(tmp_path / "figures", [figure, figure])
    assert sorted(file.name for file in (tmp_path / "figures").iterdir()) == [
        "loss-in-bits-2.csv", "loss-in-bits-2.svg", "loss-in-bits.csv", "loss-in-bits.svg",
    ]  # fmt: skip
    assert (tmp_path / "figures" / "loss-in-bits.csv").read_text() == "x,a,b\n1,3,4\n2,4,3\n"


def test_names_of_series_do_not_touch_and_stay_inside() -> None:
    names = ["training", "validation", "unigram (test)", "Markov (test)", "a rather long name of a model"]
    figure = line_chart("", [Series(name, [1, 2], [3, 4]) for name in names], "x", "y")
    boxes = [(float(x), float(y)) for x, y in re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="11"', figure.svg)]
    for name, (x, y), after in zip(names, boxes, [*boxes[1:], None], strict=True):
        end = x + 16 + 8.1 * len(name)  # the width of a letter in DejaVu Sans, which is wide
        assert end < 480
        assert after is None or after[1] > y or after[0] > end + 4
