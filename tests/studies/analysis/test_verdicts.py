from __future__ import annotations

from typing import Any

import batch_study
import pytest

from domaintoolkit.schema.convert import from_dict
from domaintoolkit.studies.analysis.verdicts import Verdict, judge_findings
from domaintoolkit.studies.study import Study, load_study

AXES = {"variant": {"base": {}, "other": {}, "absent": {}}}


def judge(rows: list[dict[str, Any]], **finding: Any) -> Verdict:
    grid = {"axes": {"variant": tuple(AXES["variant"])}}
    made = {"title": "x", "question": "?", "axes": AXES, "forms": {"small": {"grids": (grid,)}}}
    study = from_dict(Study, {**made, "findings": ({"claim": "c", "source": "s", **finding},)})
    (verdict,) = judge_findings(study, rows)
    return verdict


def runs(**values: list[float]) -> list[dict[str, Any]]:
    return [
        {"variant": name, "bits": bits, "steps": 200, "is_chosen": True, "seed": seed}
        for name, own in values.items() for seed, bits in enumerate(own)
    ]  # fmt: skip


COMPARED = {"kind": "compare", "these": {"variant": "base"}, "those": {"variant": "other"}}


@pytest.mark.parametrize(
    ("base", "other", "expect", "answer"),
    [
        ([1.0, 1.1, 1.05], [2.0, 2.1, 2.05], "lower", "agrees"),
        ([1.0, 1.1, 1.05], [2.0, 2.1, 2.05], "higher", "disagrees"),
        ([1.0, 1.1, 1.05], [1.02, 1.12, 1.0], "lower", "not decided"),
        ([100.0, 100.1, 100.05], [100.02, 100.12, 100.0], "equal", "agrees"),
        ([1.0, 1.1, 1.05], [2.0, 2.1, 2.05], "equal", "disagrees"),
        ([1.0, 1.3, 1.05], [1.1, 1.2, 1.05], "equal", "not decided"),
        ([1.0], [2.0], "lower", "not decided"),
    ],
)  # fmt: skip
def test_an_interval_decides(base: list[float], other: list[float], expect: str, answer: str) -> None:
    assert judge(runs(base=base, other=other), **COMPARED, expect=expect).answer == answer


def test_a_sentence_has_the_difference_and_the_published_one() -> None:
    found = judge(runs(base=[1.0, 1.0, 1.01], other=[2.0, 2.0, 2.01]), **COMPARED, published=-0.5)
    assert "base less other: -1 (-49.92%), 95%:" in found.sentence
    assert "Published: -50.0%, inside the interval." in found.sentence
    assert found.figures["low"] < -1 < found.figures["high"]


def test_recall_is_compared_on_the_parts_that_both_have() -> None:
    """Events without the part that is hard to tell would look better."""
    rows = runs(base=[1.0, 1.1], other=[1.0, 1.1])
    for row in rows:
        own = {"recall.page": 0.81 if row["variant"] == "base" else 0.8, "recall.delta": 0.1}
        own["recall.delta"] = own["recall.delta"] if row["variant"] == "base" else None
        row |= own | {
            "recall": sum(each for each in own.values() if each) / sum(each is not None for each in own.values())
        }
    verdict = judge(rows, y="recall", expect="higher", **COMPARED)
    assert verdict.answer == "agrees"
    assert verdict.figures["measured"] == pytest.approx(0.01)


def test_what_cannot_be_tested_says_why() -> None:
    known = runs(base=[1.0, 1.1], other=[2.0, 2.1])
    late = judge(known, **COMPARED, after_steps=25_000)
    assert (late.answer, "these end after 200" in late.sentence) == ("not tested", True)
    absent = judge(known, kind="compare", these={"variant": "absent"}, those={"variant": "base"})
    assert (absent.answer, "no runs of both absent and base" in absent.sentence) == ("not tested", True)
    assert judge(known, kind="untested", reason="why").sentence == "why"


def test_a_level_is_compared_with_zero() -> None:
    rows = runs(base=[0.5, 0.6, 0.55], other=[-0.5, -0.6, -0.55])
    assert judge(rows, kind="level", these={"variant": "base"}, expect="higher").answer == "agrees"
    assert judge(rows, kind="level", these={"variant": "other"}, expect="higher").answer == "disagrees"


def sized(seeds: int) -> list[dict[str, Any]]:
    return [
        {
            "size": size, "share": share, "rate": "one", "batch": None, "inner_parameters": parameters, "seed": seed,
            "training_events": events, "flops": 6.0 * parameters * 1e5, "events_seen": 1e5, "steps": 400,
            "bits": 15 + 200 * parameters**-0.5 + 500 * events**-0.5 * (2e4 / parameters) ** 0.2 + 0.01 * seed,
            "validation": [[40 * k, 15 + 200 * parameters**-0.5 + 300 * k**-0.5 / 10] for k in range(1, 11)],
            "auroc.is_attributed": 0.7 + parameters * 1e-7 + 0.001 * seed, "is_chosen": True, "seconds_a_step": 0.1,
        }
        for size, parameters in (("14k", 14e3), ("54k", 54e3), ("160k", 160e3), ("410k", 410e3), ("1m", 1e6))
        for share, events in (("1%", 500.0), ("10%", 5e3), ("100%", 5e4)) for seed in range(seeds)
    ]  # fmt: skip


@pytest.mark.slow
def test_the_findings_on_sizes_are_judged() -> None:
    verdicts = judge_findings(load_study("sizes"), sized(2))
    answers = [each.answer for each in verdicts]
    assert answers == ["agrees", "agrees", "agrees", "agrees", "not tested", "agrees"]
    assert "the law expects" in verdicts[0].sentence
    assert "14k has with all data with" in verdicts[1].sentence
    assert verdicts[5].table is not None
    one_seed = judge_findings(load_study("sizes"), sized(1))
    assert [each.answer for each in one_seed][1:4] == ["not decided"] * 3


@pytest.mark.slow
def test_the_findings_on_batches_are_judged() -> None:
    verdicts = judge_findings(load_study("batches"), batch_study.rows(seeds=2, noise=0.01))
    assert [each.answer for each in verdicts] == ["agrees", "agrees", "agrees"]
    assert "smallest useful batch for 60 s: 4 for 14k, 4 for 54k, none for 410k" in verdicts[1].sentence
    assert "410k more than 60 s" in verdicts[2].sentence
    assert verdicts[1].table is not None
    assert verdicts[1].table.rows[1][:4] == ("54k", "54,000", "4", "4")
