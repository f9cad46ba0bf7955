from __future__ import annotations

import pytest
import torch

from domaintoolkit.train.progress import Meter, Progress, Validation


def progress(**changes: object) -> Progress:
    values = {"step": 5, "steps": 10, "loss": 1.5, "bits_per_event": 12.25, "learning_rate": 0.1}
    rates = {"tokens_per_second": 1_250_000.0, "events_per_second": 2500.0, "seconds_left": 61.0}
    return Progress(**{**values, **rates, **changes})  # type: ignore[arg-type]


def test_the_line_says_everything() -> None:
    line = str(progress(utilisation=0.42, validation=13.0))
    for part in (
        "step 5/10",
        "loss 1.500",
        "12.25 bits/event",
        "1.25M tokens/s",
        "2.5k events/s",
        "MFU 42%",
        "1:01 left",
    ):
        assert part in line
    assert "MFU" not in str(progress())
    assert "1/rank 0.0341" in str(progress(validation=13.0, reciprocal_rank=0.03412))
    assert "later values 5.250 nats" in str(progress(validation=13.0, later_nats=5.25))


@pytest.mark.parametrize("width", [20, 40, 79, 120])
def test_a_line_fits_the_width_and_keeps_what_matters_most(width: int) -> None:
    full = progress(step=12_345, steps=100_000, utilisation=0.42, validation=13.0)
    line = full.fit(width)
    assert len(line) <= width
    assert line.startswith("step 12,345/100,000")
    assert ("12.25 bits/event" in line) is (width >= 40)
    assert full.fit(200) == str(full)


def test_the_meter_adds_up_batches() -> None:
    reports: list[Progress] = []
    meter = Meter(100, 2, 1e9, 1e12, reports.append, 0)
    for loss in (1.0, 2.0):
        meter.add(torch.tensor(loss), torch.tensor([20.0, 10.0, 15.0]), torch.tensor(20), torch.tensor(10))
    assert meter.is_due()
    assert meter.flush(2, 0.5, Validation(7.0, reciprocal_rank=0.25)) == [1.0, 2.0]
    (made,) = reports
    # all nats over all tokens, whatever else the loss holds
    assert made.loss == pytest.approx(2.25)
    assert made.bits_per_event == pytest.approx(3 / 0.6931471805599453)
    assert made.tokens_per_second == pytest.approx(2 * made.events_per_second)
    assert made.utilisation is not None
    assert (made.validation, made.reciprocal_rank, made.later_nats) == (7.0, 0.25, None)
    assert made.seconds_left > 0
    assert meter.flush(3, 0.5) == []
    assert not meter.is_due()


def test_the_time_left_of_a_resumed_run_counts_its_own_steps_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(0, 1000, 10))
    monkeypatch.setattr("time.perf_counter", lambda: next(now))
    reports: list[Progress] = []
    meter = Meter(1000, 1, 1e9, None, reports.append, 900)
    for step in (905, 910):
        meter.add(torch.tensor(1.0), torch.tensor([20.0, 10.0, 15.0]), torch.tensor(20), torch.tensor(10))
        meter.flush(step, 0.5)
    assert [report.seconds_left for report in reports] == [2.0 * 95, 2.0 * 90]
