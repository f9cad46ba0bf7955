from __future__ import annotations

import pytest

from domaintoolkit.finetune import TuningProgress


def test_a_stage_is_told_by_its_rows_and_a_step_by_its_figures() -> None:
    assert str(TuningProgress("embedding", 1_200, 5_000)) == "embedding 1,200/5,000"
    assert str(TuningProgress("comparing", 0, None)) == "comparing"
    step = TuningProgress("tuning", 5, 300, 0.61234, "auroc", 0.7, 61.0)
    assert str(step) == step.pulse == "step 5/300 · loss 0.6123 · validation auroc 0.7000 · 1:01 left"


@pytest.mark.parametrize(("width", "is_shown"), [(20, False), (45, True), (80, True)])
def test_the_validation_is_the_last_figure_to_go(width: int, is_shown: bool) -> None:
    line = TuningProgress("tuning", 5, 300, 0.61234, "auroc", 0.7, 61.0).fit(width)
    assert len(line) <= width
    assert ("validation auroc" in line) is is_shown
