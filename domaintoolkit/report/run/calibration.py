"""Calibration: the share of events in which the likeliest value comes, beside its probability."""

from __future__ import annotations

from domaintoolkit.evaluate.part_ranks import PartRanks
from domaintoolkit.report.charts import Figure, Series, Table, line_chart

__all__ = ["calibration_figure", "rank_table"]

CURVES = 6
FEWEST = 20
"""Values of a bin of confidence that is drawn."""


def calibration_figure(ranks: list[PartRanks]) -> Figure | None:
    """Confidence against accuracy for the parts that are hardest to foresee; None if no bin has enough values."""
    known = [each for each in ranks if each.count and max(each.reliability.cases, default=0) >= FEWEST]
    if not known:
        return None
    hardest = sorted(known, key=lambda each: each.accuracy)[:CURVES]
    series = [Series("perfect", [0, 1], [0, 1], style="dashed", colour=7, in_table=False)]
    for number, each in enumerate(hardest):
        seen = each.reliability
        # one point for each bin of confidence
        points = [(x, y) for x, y, size in zip(seen.confidence, seen.right, seen.cases, strict=True) if size >= FEWEST]
        shares = [x for x, _ in points], [y for _, y in points]
        series.append(Series(each.part, *shares, style="both", colour=number))
    return line_chart(
        "Calibration", series, "probability of the likeliest value", "share of times it came",
        "A model is calibrated if what it gives 70% comes in 70% of cases: points on the diagonal. Bins of fewer than "
        f"{FEWEST} values are left out.", y_range=(0.0, 1.0),
    )  # fmt: skip


def rank_table(ranks: list[PartRanks]) -> Table:
    """For each part, how highly what came was ranked."""
    rows = [
        [each.part, each.choices, each.count, f"{each.accuracy:.1%}", f"{each.recall:.1%}",
         f"{each.mean_reciprocal_rank:.3f}", f"{each.reliability.error:.3f}"]
        for each in ranks if each.count
    ]  # fmt: skip
    header = ("part", "choices", "values", "likeliest came", "among ten likeliest", "mean 1/rank", "calibration error")
    return Table.of(header, rows)
