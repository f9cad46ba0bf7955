"""The gains of the model over the baselines, field by field."""

from __future__ import annotations

from typing import Any

from domaintoolkit.report.charts import Figure, bar_chart
from domaintoolkit.report.run.run_record import RunRecord

__all__ = ["cost_figures", "cost_sentences"]

SURELY = 0.02
"""A share of a field's bits; a difference below it is called small."""


def cost_figures(run: RunRecord) -> list[Figure]:
    """Bits of each field under every model, and the bits that the model saves; none if composites mix the fields."""
    fields = run.result["comparison"].get("fields", [])
    if not fields:
        return []
    names = [each["field"] for each in fields]
    bits = {name: [each["bits"][name] for each in fields] for name in ("unigram", "Markov", "model")}
    first = bar_chart(
        "Bits of each field", names, bits, "bits an event",
        "The cost of writing down each field of the next event, given all that came before. Together with sessions "
        "the fields of a bar's colour add up to that model's bits an event.",
    )  # fmt: skip
    gains = {"over unigram": "over_unigram", "over Markov": "over_markov"}
    second = bar_chart(
        "Bits saved by the model", names,
        {name: [each[key]["bits"] for each in fields] for name, key in gains.items()}, "bits an event",
        "Right of zero the model is cheaper. The lines are 95% intervals over entities.",
        {name: [_ends(each[key]) for each in fields] for name, key in gains.items()},
    )  # fmt: skip
    return [first, second]


def _ends(difference: dict[str, Any]) -> tuple[float, float] | None:
    low, high = difference["low"], difference["high"]
    return None if low is None or high is None else (low, high)


def cost_sentences(run: RunRecord) -> list[str]:
    """A sentence for each field, the largest gain first."""
    fields = run.result["comparison"].get("fields", [])
    return [_sentence(each) for each in sorted(fields, key=lambda each: -each["over_markov"]["bits"])]


def _sentence(field: dict[str, Any]) -> str:
    name, model = field["field"], field["bits"]["model"]
    unigram, markov = field["bits"]["unigram"], field["bits"]["Markov"]
    # against the better baseline: to beat the worse one means little
    best, over = ("Markov", field["over_markov"]) if markov <= unigram else ("unigram", field["over_unigram"])
    base = min(markov, unigram)
    gain, low, high = over["bits"], over["low"], over["high"]
    interval = "" if low is None else f" (95%: {low:.3f} to {high:.3f})"
    if low is None or (low <= 0 <= high):
        return f"{name}: no difference from {best} that is surer than chance, {gain:+.3f} bits{interval} of {base:.2f}."
    if gain < 0:
        lost = f"{-gain:.3f} bits (95%: {-high:.3f} to {-low:.3f})"
        return f"{name}: the model loses to {best}, whose {base:.2f} bits it exceeds by {lost}."
    size = "a little" if gain < SURELY * base else f"{gain / base:.0%}"
    return f"{name}: the model saves {size} of {best}'s {base:.2f} bits, {gain:.3f}{interval}, and needs {model:.2f}."
