from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from domaintoolkit.studies.analysis.verdicts import judge_findings
from domaintoolkit.studies.pages.drawings import draw_figure
from domaintoolkit.studies.study import Study, StudyFigure, load_study, study_names


# laws take half a minute to fit, and tests of their own draw those of `sizes`
@pytest.mark.parametrize("name", sorted({*study_names()} - {"sizes"}))
@pytest.mark.parametrize("form", ["small", "large"])
def test_every_figure_of_a_shipped_study_is_drawn_and_every_finding_judged(name: str, form: str) -> None:
    study = load_study(name)
    table = made_up_rows(study, form)
    drawn = {each.title: draw_figure(each, table) for each in study.figures}
    assert all(drawn.values()), [title for title, found in drawn.items() if found is None]
    assert all(found.figure.svg and found.sentences for found in drawn.values() if found)
    assert len(judge_findings(study, table)) == len(study.findings)


def test_a_law_that_the_points_do_not_fix_is_called_so() -> None:
    figure = StudyFigure(kind="law", title="t", x="inner_parameters")
    losses = {1e3: 9.0, 2e3: 5.0, 4e3: 5.0}
    rows = [{"size": str(x), "is_chosen": True, "inner_parameters": x, "bits": y} for x, y in losses.items()]
    drawn = draw_figure(figure, rows)
    assert drawn is not None
    assert "Any three points lie near some law" in drawn.sentences[0]
    assert "do not fix the exponent: it lies at the end of the search" in drawn.sentences[0]
    few = draw_figure(figure, rows[:2])
    assert few is not None
    assert "no law is fitted; a law needs at least three points, got 2" in few.sentences[0]


def made_up_rows(study: Study, form: str) -> list[dict[str, Any]]:
    """A row for each cell: its levels, and a number in each column that a figure or a finding reads."""
    random = np.random.default_rng(0)
    axes = set(study.axes)
    named = (
        {each.x for each in study.figures} | {each.y for each in study.figures} | {each.y for each in study.findings}
    )
    rows = []
    for grid in study.forms[form].grids:
        names = list(grid.axes)
        for number, combination in enumerate(product(*grid.axes.values())):
            # `best` stands for a level that a grid before has chosen
            levels = {
                axis: level if level != "best" else next(iter(study.axes[axis]))
                for axis, level in zip(names, combination, strict=True)
            }
            size = list(study.axes.get("size", ())).index(levels["size"]) if "size" in levels else 0
            numbers = {column: float(random.uniform(5, 9)) for column in named - axes}
            own = {"inner_parameters": 1e4 * 4.0**size, "seconds": 30, "steps": 100, "learning_rate": 1e-3}
            told = {"cell": str(number), "is_chosen": True}
            rows += [{**numbers, **own, **levels, **told, "seed": seed} for seed in range(2)]
    return rows
