from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domaintoolkit.errors import DataError
from domaintoolkit.studies.analysis import outlook
from domaintoolkit.studies.analysis.outlook import foresee, lever_gains


def rows(sizes: int = 5) -> list[dict[str, Any]]:
    return [
        {
            "cell": f"{size}{share}{seed}", "size": size, "share": share, "is_chosen": True, "seed": seed,
            "learning_rate": 0.1, "steps": 400, "inner_parameters": parameters, "training_events": events,
            "events_seen": 2e5, "flops": 6 * parameters * 2e5, "seconds_a_step": parameters * 1e-6,
            "bits": 12 + 200 * parameters**-0.4 + 900 * events**-0.6 + 0.002 * seed,
            "validation": [
                [40 * k, 12 + 200 * parameters**-0.4 + 900 * (2e4 * k) ** -0.5 + 0.002 * seed] for k in range(1, 11)
            ],
        }
        for size, parameters in (("a", 1e4), ("b", 5e4), ("c", 2e5), ("d", 6e5), ("e", 1e6))[:sizes]
        for share, events in (("10%", 5e3), ("25%", 1.2e4), ("100%", 5e4))
        for seed in range(2)
    ]  # fmt: skip


@pytest.fixture
def studied(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(outlook, "load_rows", lambda _: rows())
    return Path("sizes-study")


@pytest.mark.slow
def test_a_study_foresees_a_size_and_a_budget(studied: Path) -> None:
    found = foresee(studied, parameters=3e6, seconds=600)
    assert found.expected is not None
    assert found.expected.is_beyond
    assert found.expected.loss == pytest.approx(12 + 200 * 3e6**-0.4 + 900 * 5e4**-0.6, abs=0.05)
    assert found.expected.interval is not None
    assert found.expected.interval[0] <= found.expected.loss <= found.expected.interval[1]
    ((budget, choice),) = found.choices
    assert budget == "600 s"
    # 600 s are as many events as 400 steps of 500 events at `parameters * 1e-6` s a step allow
    assert choice.events == pytest.approx(600 / (choice.parameters * 1e-6) * 500, rel=0.01)
    text = dict(found.rows())
    assert "beyond what was tried" in text["test loss of 3,000,000 parameters"]
    assert "events seen, validation loss" in text["best size for 600 s"]
    assert [name for name, _ in foresee(studied).choices] == ["1.2e+12 FLOPs", "1.2e+13 FLOPs", "1.2e+14 FLOPs"]


@pytest.mark.slow
def test_levers_have_the_figures_of_a_study(studied: Path) -> None:
    gains = lever_gains(studied, 2e5)
    expected = 200 * (4e5**-0.4 - 2e5**-0.4)
    assert f"sizes-study expects {-expected:.2f}"[:-1] in gains["size"]
    assert " bits an event less (95%: " in gains["size"]
    assert "for twice its data at 200,000" in gains["data"].replace(".0", "")
    assert set(gains) == {"size", "steps", "data"}


def test_a_level_that_is_better_than_base_by_more_than_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"base": [10.0, 10.1, 9.9], "rope": [9.0, 9.1, 8.9], "deep": [9.9, 10.3, 9.8]}
    made = [
        {**rows(1)[0], "variant": name, "bits": bits, "seed": seed}
        for name, own in values.items() for seed, bits in enumerate(own)
    ]  # fmt: skip
    monkeypatch.setattr(outlook, "load_rows", lambda _: made)
    assert "found 1.000 bits an event less (95%: 0.7" in lever_gains("architecture", 1e5)["variant"]
    monkeypatch.setattr(outlook, "load_rows", lambda _: [row for row in made if row["variant"] != "rope"])
    assert "nothing that is better" in lever_gains("architecture", 1e5)["variant"]


def test_a_study_of_one_size_foresees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlook, "load_rows", lambda _: rows(1))
    with pytest.raises(DataError, match="is not a study of sizes"):
        foresee("other")
