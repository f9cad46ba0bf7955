from __future__ import annotations

from domaintoolkit.studies.analysis.column_names import column_name, is_better_higher


def test_a_column_is_called_by_what_it_measures() -> None:
    assert column_name("gain") == "bits saved over the best baseline"
    assert column_name("recall.app") == "recall@10 of app"
    assert column_name("seconds_left") == "seconds left"


def test_losses_are_better_if_low_and_shares_that_are_right_if_high() -> None:
    columns = ("bits", "gain", "recall.app", "auroc.is_attributed", "flops")
    assert [each for each in columns if is_better_higher(each)] == ["gain", "recall.app", "auroc.is_attributed"]
