from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from domaintoolkit.studies.analysis.verdicts import judge_findings
from domaintoolkit.studies.pages.drawings import draw_figure
from domaintoolkit.studies.study import Study, load_study, study_names


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
