from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from domaintoolkit.errors import SchemaError
from domaintoolkit.schema.convert import from_dict
from domaintoolkit.studies.study import Study

SOUND: dict[str, Any] = {
    "title": "Width", "question": "?", "domain": "ecommerce",
    "axes": {
        "width": {"narrow": {"model": {"width": 8}}, "wide": {"model": {"width": 16}}},
        "share": {"10%": {"share": 0.1}, "100%": {}},
        "other": {"a": {"model": {"width": 24}}},
    },
    "forms": {"small": {
        "recipe": {"family": "event", "preset": "54k", "model": {"heads": 1, "layers": 1}, "steps": 4},
        "grids": [{"axes": {"width": ["narrow", "wide"], "share": ["10%", "100%"]}}],
    }},
    "figures": [{"kind": "curves", "title": "f", "x": "training_events", "lines": "width"}],
    "findings": [
        {"source": "s", "claim": "c", "kind": "compare", "these": {"width": "last"}, "those": {"width": "first"}},
    ],
}  # fmt: skip


def changed(path: str, value: Any) -> dict[str, Any]:
    study = deepcopy(SOUND)
    table: Any = study
    *steps, last = [int(step) if step.isdecimal() else step for step in path.split("/")]
    for step in steps:
        table = table[step]
    table[last] = value
    return study


def test_a_sound_study_has_no_problem() -> None:
    from_dict(Study, SOUND)


WIDE, GRID = "axes/width/wide", "forms/small/grids/0"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("figurez", [], "figurez: unknown setting .*did you mean 'figures'"),
        ("figures/0/kind", "bar", r"figures\[0\].kind: .*did you mean 'bars'"),
        ("figures/0/linez", "width", r"figures\[0\].linez: .*did you mean 'lines'"),
        ("figures/0/lines", "widht", r"figures\[0\].lines: unknown axis .*did you mean 'width'"),
        ("figures/0/x", "training_event", r"figures\[0\].x: unknown column .*did you mean 'training_events'"),
        ("figures/0/x", "width", r"figures\[0\].x: 'width' is an axis, whose levels are names"),
        ("figures/0/y", "share", r"figures\[0\].y: 'share' is an axis, whose levels are names"),
        ("figures/0/only", {"width": "wid"}, r"figures\[0\].only.width: unknown level .*did you mean 'wide'"),
        ("figures/0/base", "narrow", r"figures\[0\].base: has an effect only with kind = 'bars'"),
        ("findings/0/kind", "compar", r"findings\[0\].kind: .*did you mean 'compare'"),
        ("findings/0/these", {"width": "wid"}, r"findings\[0\].these.width: unknown level 'wid'"),
        ("findings/0/y", "bit", r"findings\[0\].y: unknown column 'bit'"),
        ("findings/0/kind", "data_need", r"findings\[0\].kind: 'data_need' needs an axis 'size'"),
        ("findings/0/kind", "least_time", r"findings\[0\].kind: 'least_time' needs an axis whose levels set 'seconds'"),
        ("findings/0/margin", -1, r"findings\[0\].margin: expected greater than or equal to 0"),
        ("axes/recall", {"a": {}}, "axes.recall: is a column of the results"),
        ("axes/empty", {}, "axes.empty: has no level"),
        ("axes/other/best", {}, "axes.other.best: 'best' stands for"),
        (WIDE, {"modle": {}}, "axes.width.wide.modle: unknown setting .*did you mean 'model'"),
        (WIDE, {"model": {"widht": 8}}, "axes.width.wide.model.widht: unknown setting .*did you mean 'width'"),
        (WIDE, {"batch": "x"}, "axes.width.wide.batch: expected a whole number, got 'x'"),
        (WIDE, {"seed": 3}, "axes.width.wide.seed: cannot be set here"),
        (WIDE, {"share": 2}, "axes.width.wide.share: expected less than or equal to 1, got 2"),
        (WIDE, {"share": "10%"}, "axes.width.wide.share: expected a number, got '10%'"),
        (WIDE, {"fields": {"price": 3}}, "axes.width.wide.fields.price: expected a valid dictionary"),
        (WIDE, {"where": {"column": "x"}}, "axes.width.wide.where.begins: is required"),
        (WIDE, {"start": {"width": "no"}}, "axes.width.wide.start.width: unknown level 'no'"),
        (WIDE, {"start": {"width": "narrow", "other": "a"}}, "axes.width.wide.start: no grid has the levels"),
        (WIDE, {"multiply_rate": "x"}, "axes.width.wide.multiply_rate: expected a number"),
        (WIDE, {"model": {"width": 16, "heads": 3}}, "axes.width.wide.model.heads: must divide the width"),
        ("forms", {}, "forms: has no form"),
        ("forms/small/recipe/stepz", 4, "forms.small.recipe.stepz: unknown setting .*did you mean 'steps'"),
        ("forms/small/recipe/preset", "54kk", "forms.small.recipe.preset: unknown preset '54kk'"),
        ("forms/small/seeds", [], "forms.small.seeds: has no seed"),
        ("forms/small/events", 0, "forms.small.events: expected greater than or equal to 1"),
        ("forms/small/grids", [], "forms.small.grids: has no grid"),
        (f"{GRID}/axes/width", [], r"grids\[0\].axes.width: has no level"),
        (f"{GRID}/axes/width", ["wid"], r"grids\[0\].axes.width: unknown level 'wid'"),
        (f"{GRID}/axes/width", ["best"], r"grids\[0\].axes.width: 'best' is that of an earlier grid"),
        (f"{GRID}/axes/other", ["a"], r"grids\[0\].axes: the axes 'width' and 'other' both set model.width"),
        (f"{GRID}/by", ["share"], r"grids\[0\].by: has an effect only with the level 'best'"),
    ],
)  # fmt: skip
def test_each_problem_is_named_with_its_place(path: str, value: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message) as caught:
        from_dict(Study, changed(path, value))
    assert len({problem.path for problem in caught.value.problems}) == 1
