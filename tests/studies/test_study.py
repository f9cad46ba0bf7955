from __future__ import annotations

from pathlib import Path

import pytest

from domaintoolkit.errors import LookupFailedError
from domaintoolkit.studies.cells import expand_grid
from domaintoolkit.studies.study import load_study, study_names
from domaintoolkit.studies.study_run import _Always


@pytest.mark.parametrize("name", study_names())
def test_every_study_of_the_package_is_sound(name: str) -> None:
    study = load_study(name)
    assert {"small", "large"} <= set(study.forms)
    for form in study.forms.values():
        for grid in form.grids:
            first = _Always({axis: next(iter(levels)) for axis, levels in study.axes.items()})
            cells = list(expand_grid(study, form, grid, first))
            assert len({cell.name for cell in cells}) == len(cells)
            assert all(cell.recipe.steps for cell in cells)
    columns = {*study.axes, "inner_parameters", "training_events", "flops", "learning_rate", "seconds", "steps"}
    for figure in study.figures:
        assert figure.x in columns, figure.title
        assert {*figure.only, *figure.without} <= set(study.axes)
        assert figure.lines is None or figure.lines in study.axes


def test_a_study_is_named() -> None:
    with pytest.raises(LookupFailedError, match="sizes"):
        load_study("size")


def test_a_folder_of_the_same_name_does_not_hide_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sizes").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_study("sizes").title == "Size, data and compute"
