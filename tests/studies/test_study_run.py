from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from domaintoolkit.errors import ArtifactError, LookupFailedError, OutputError, SchemaError, StudyRunsError
from domaintoolkit.schema.convert import from_dict
from domaintoolkit.storage import open_encoded
from domaintoolkit.studies import study_run
from domaintoolkit.studies.cell_run import FORMAT, VERSION, load_metrics, run_cell, write_task
from domaintoolkit.studies.cells import DataPlan, StudyCell, expand_grid
from domaintoolkit.studies.pages.written_pages import redraw_study, write_summary
from domaintoolkit.studies.scheduler import CellTask, StudyState
from domaintoolkit.studies.study import Grid, Study
from domaintoolkit.studies.study_checks import COLUMNS
from domaintoolkit.studies.study_data import StudyData
from domaintoolkit.studies.study_run import UNTABLED, run_study
from domaintoolkit.studies.time_budget import fit_budget, shape_of
from domaintoolkit.train import Recipe
from domaintoolkit.util.artifacts import write_json

STUDY = from_dict(
    Study,
    {
        "title": "<b>Tiny", "question": "Does it work?", "domain": "ads", "downstream": True,
        "axes": {
            "size": {name: {"model": {"width": width, "layers": 1, "heads": 1, "part_width": 8}}
                     for name, width in (("a", 8), ("b", 16), ("c", 24))},
            "share": {"half": {"share": 0.5}, "all": {}},
            "rate": {"slow": {"multiply_rate": 0.1}, "fast": {}},
        },
        "forms": {"small": {
            "events": 1500, "seeds": (0, 1),
            "recipe": {"family": "event", "preset": "54k", "block": 32, "batch": 2, "steps": 2, "evaluate_every": 2,
                       "checkpoint_every": 2, "evaluate_blocks": 1, "keep": 1},
            "grids": (
                {"axes": {"size": ("a",), "rate": ("slow", "fast")}, "seeds": (0,)},
                {"axes": {"size": ("a", "b", "c"), "rate": ("best",)}},
                {"axes": {"size": ("a",), "rate": ("best",), "share": ("half",)}, "seeds": (0,)},
            ),
        }},
        "figures": (
            {"kind": "law", "title": "Loss & size", "x": "inner_parameters"},
            {"kind": "bars", "title": "Sizes", "x": "size"},
            {"kind": "curves", "title": "Rates", "x": "learning_rate", "lines": "size", "every_run": True},
        ),
        "findings": (
            {"claim": "<i>Larger</i> is *better*.", "source": "a paper", "kind": "compare",
             "these": {"size": "last"}, "those": {"size": "first"}},
        ),
    },
)  # fmt: skip


class StoppedError(Exception):
    """What interrupts a study in these tests."""


def pretend(folder: Path, task: dict[str, Any]) -> None:
    """Measure what a cell of this recipe and these data might have."""
    recipe, train = task["recipe"], open_encoded(task["data"]).manifest.splits["train"]
    size = 1000 * recipe["model"]["width"]
    bits = 20 + 900 * size**-0.5 + 0.1 * recipe["seed"] + recipe["learning_rate"]
    found = {
        "bits": bits, "validation_bits": bits, "validation": [[2, bits]], "inner_parameters": size, "flops": 6.0 * size,
        "steps": recipe["steps"], "seconds_a_step": 0.1, "training_entities": train["entities"],
        "training_events": train["events"], "test_events": 100, "recall": 0.5,
    }  # fmt: skip
    write_json(folder / "metrics.json", FORMAT, VERSION, found)


def inline(stop_after: int | None, done: list[str], broken: str = "-") -> Callable[..., dict[str, str]]:
    """`run_cells` in this process, which stops before cell number `stop_after`, and in which `broken` ones fail."""

    def run_cells(tasks: Sequence[CellTask], jobs: int, report: Callable[[StudyState], None]) -> dict[str, str]:
        failed = {task.label: "ValueError: <b>" for task in tasks if broken in task.label}
        for task in tasks:
            if load_metrics(task.folder) is None and task.label not in failed:
                if len(done) == stop_after:
                    raise StoppedError
                write_task(task.folder, task.task)
                pretend(task.folder, task.task)
                done.append(task.label)
        report(StudyState(tasks, jobs))
        return failed

    return run_cells


@pytest.mark.slow
def test_a_cell_trains_and_measures(tmp_path: Path) -> None:
    data = StudyData(tmp_path / "data", "ads", None, 1500).prepare(DataPlan(share=0.5))
    chosen = STUDY.forms["small"]
    (cell,) = expand_grid(STUDY, chosen, Grid(axes={"size": ("a",)}, seeds=(0,)), {})
    recipe = json.loads(json.dumps(asdict(cell.recipe)))
    write_task(
        tmp_path / "cell", {"recipe": recipe, "data": str(data), "threads": 1, "downstream": True, "start": None}
    )
    run_cell(tmp_path / "cell")
    found = load_metrics(tmp_path / "cell")
    assert found is not None
    assert {name for name in found if "." not in name} - {*UNTABLED} <= {*COLUMNS}
    assert {"bits", "recall", "recall.app", "auroc.is_attributed", "invalidation", "flops", "gain"} <= set(found)
    assert found["value_bits"] == found["bits"]  # there are no numbers among the fields of a click
    assert found["steps"] == 2


def test_a_folder_of_streams_is_studied_by_share_and_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs another tokenizer is left out, and named."""
    streams = StudyData(tmp_path / "data", "ads", None, 1500).prepare(DataPlan())
    axes = {
        "way": {
            "all": {}, "some": {"where": {"column": "app", "begins": "1"}}, "half": {"share": 0.5},
            "no hour": {"fields": {"click_time": {"parts": ("weekday",)}}},
        },
    }  # fmt: skip
    recipe = {**STUDY.forms["small"].recipe, "model": STUDY.axes["size"]["a"]["model"]}
    form = replace(STUDY.forms["small"], recipe=recipe, grids=(Grid(axes={"way": tuple(axes["way"])}, seeds=(0,)),))
    study = replace(STUDY, axes=axes, forms={"small": form}, figures=(), findings=())
    monkeypatch.setattr(study_run, "run_cells", inline(None, []))
    result = run_study(study, tmp_path / "study", streams=streams, jobs=1)
    assert result.left_out == ("way no hour",)
    rows = {row["way"]: row["training_events"] for row in result.table.to_pylist()}
    assert set(rows) == {"all", "some", "half"}
    assert 0 < rows["some"] < rows["all"]
    assert 0 < rows["half"] < rows["all"]
    # neither the place of the folder nor that of the study matters, and nothing is done again
    moved, elsewhere = tmp_path / "moved", tmp_path / "elsewhere"
    streams.rename(moved)
    result.folder.rename(elsewhere)
    done: list[str] = []
    monkeypatch.setattr(study_run, "run_cells", inline(None, done))
    assert run_study(study, elsewhere, streams=moved, jobs=1).cells == 3
    assert not done
    assert f"study STUDY.toml {moved.name}" in (elsewhere / "study.html").read_text()
    other = StudyData(tmp_path / "data", "ads", None, 1200).prepare(DataPlan())
    with pytest.raises(OutputError, match="another OUT"):
        run_study(study, elsewhere, streams=other, jobs=1)
    only = replace(study, forms={"small": replace(form, grids=(Grid(axes={"way": ("no hour",)}, seeds=(0,)),))})
    with pytest.raises(SchemaError, match="every run needs another tokenizer than that of OUT"):
        run_study(only, tmp_path / "only", streams=moved, jobs=1)


@pytest.mark.slow
def test_a_study_that_is_stopped_ends_with_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(study_run, "run_cells", inline(3, done))
    with pytest.raises(StoppedError):
        run_study(STUDY, tmp_path / "stopped", jobs=1)
    monkeypatch.setattr(study_run, "run_cells", inline(None, done))
    result = run_study(STUDY, tmp_path / "stopped", jobs=1)
    # two rates, of which the better is one of the six, and a half of the data
    assert len(done) == len(set(done)) == result.cells == 8
    whole = run_study(STUDY, tmp_path / "whole", jobs=1)
    for name in ("results.csv", "results.parquet"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    table = pyarrow.parquet.read_table(whole.folder / "results.parquet").to_pandas()
    assert table["training_entities"].nunique() == 2
    assert table.loc[table["is_chosen"], "rate"].eq("slow").all()  # the one with the lower loss, by what is pretended
    page = whole.page.read_text()
    assert "&lt;b&gt;Tiny" in page
    assert "<b>Tiny" not in page
    assert "bootstrap over seeds" in page
    assert (whole.folder / "loss-size.svg").read_text().startswith("<svg")
    assert "agrees</b> &lt;i&gt;Larger" in page
    with pytest.raises(OutputError, match="another domain"):
        run_study(STUDY, tmp_path / "whole", domain="ads-bots")
    # other words and figures are no other study, and need no run
    renamed = replace(STUDY, title="Renamed", figures=STUDY.figures[:1])
    assert "Renamed" in redraw_study(renamed, whole.folder).read_text()
    assert run_study(renamed, whole.folder, jobs=1).cells == 8
    written = write_summary(STUDY, whole.folder, tmp_path / "tiny.md", "tiny.toml")
    assert {"tiny.md", "results.csv", "findings.csv", "loss-size.svg", "sizes.svg"} <= {each.name for each in written}
    text = (tmp_path / "tiny.md").read_text()
    assert "domaintoolkit study tiny.toml" in text
    assert "**agrees**: \\<i\\>Larger\\</i\\> is \\*better\\*." in text
    assert "](tiny/loss-size.svg)" in text
    assert len((tmp_path / "tiny" / "results.csv").read_text().splitlines()) == 9


@pytest.mark.slow
def test_a_run_that_fails_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_run, "run_cells", inline(None, [], "size b"))
    with pytest.raises(StudyRunsError, match=r"(?s)2 of 8 runs failed:\n.*size b, rate slow, seed 0.*6 are kept"):
        run_study(STUDY, tmp_path, jobs=1)
    table = pyarrow.parquet.read_table(tmp_path / "results.parquet")
    assert set(table["size"].to_pylist()) == {"a", "c"}
    assert "size b, rate slow, seed 1: ValueError: &lt;b&gt;" in (tmp_path / "study.html").read_text()
    assert "size b" in redraw_study(STUDY, tmp_path).read_text()
    done: list[str] = []
    monkeypatch.setattr(study_run, "run_cells", inline(None, done))
    result = run_study(STUDY, tmp_path, jobs=1)
    assert sorted(done) == ["size b, rate slow, seed 0", "size b, rate slow, seed 1"]
    assert result.cells == 8
    assert "A run failed" not in result.page.read_text()


def test_a_study_that_ended_before_its_first_run_begins_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its data are there, and it may get another budget."""
    monkeypatch.setattr(study_run, "time_steps", lambda *_: 1.0)
    monkeypatch.setattr(study_run, "run_cells", inline(0, []))
    with pytest.raises(SchemaError, match="too short"):
        run_study(STUDY, tmp_path, budget=10, jobs=1)
    assert (tmp_path / "data").is_dir()
    with pytest.raises(StoppedError):
        run_study(STUDY, tmp_path, budget=10_000, jobs=1)
    with pytest.raises(OutputError, match="another budget"):
        run_study(STUDY, tmp_path, jobs=1)


def test_axes_are_tuned_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grids = (
        Grid(axes={"size": ("a",), "rate": ("slow", "fast")}, seeds=(0,)),
        Grid(axes={"size": ("a", "b"), "rate": ("best",)}, seeds=(0,)),
        Grid(axes={"size": ("best",), "rate": ("best",), "share": ("half",)}, seeds=(0,)),
    )
    form = replace(STUDY.forms["small"], grids=grids)
    study = replace(STUDY, forms={"small": form}, figures=(), findings=())
    monkeypatch.setattr(study_run, "run_cells", inline(None, []))
    rows = run_study(study, tmp_path, jobs=1).table.to_pylist()
    assert [(row["size"], row["rate"], row["share"]) for row in rows][-1] == ("b", "slow", "half")


def test_what_no_domain_has_is_said_before_the_runs(tmp_path: Path) -> None:
    axes = {
        **STUDY.axes,
        "field": {"x": {"fields": {"ap": {"max_size": 5}}}, "y": {"where": {"column": "ap", "begins": "1"}}},
    }
    for level, message in (("x", "did you mean 'app'"), ("y", "did you mean 'app'")):
        form = replace(STUDY.forms["small"], grids=(Grid(axes={"field": (level,)}, seeds=(0,)),))
        with pytest.raises(SchemaError, match=message):
            run_study(replace(STUDY, axes=axes, forms={"small": form}), tmp_path / level)
    with pytest.raises(LookupFailedError, match="did you mean 'ads'"):
        run_study(STUDY, tmp_path / "domain", domain="adz")


def test_a_study_without_results_has_no_summary(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="run one to its end first"):
        write_summary(STUDY, tmp_path, tmp_path / "x.md")


def test_a_budget_shortens_steps_before_it_drops_seeds() -> None:
    recipe = Recipe(steps=400, warmup=5)
    cells = [StudyCell((("size", name),), seed, recipe, DataPlan()) for name in "ab" for seed in range(3)]
    times = {shape_of(recipe): 0.1}
    assert fit_budget(cells, times, 3600, 1).factor == 1.0
    less = fit_budget(cells, times, 200, 1)
    assert (less.seeds, 0.25 < less.factor < 1) == (3, True)
    least = fit_budget(cells, times, 60, 1)
    assert least.seeds == 1
    assert least.seconds <= 60
    with pytest.raises(SchemaError, match="too short: 30 steps of each run with one seed take about 30 s here"):
        fit_budget(cells, times, 20, 1)


def test_levels_that_name_their_domains_need_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = {"axes": {"data": ("finance", "control")}, "seeds": (0,)}
    axes = {"data": {"finance": {"domain": "finance"}, "control": {"domain": "finance-control"}, "given": {}}}
    small = asdict(STUDY.forms["small"]) | {"grids": (grid,)}
    plain = {"title": "Two", "question": "?", "axes": axes, "forms": {"small": small}}
    ran: list[str] = []
    monkeypatch.setattr(study_run, "_plan", lambda runner, *_: ran.append(runner.study.title) or exit_early())

    def exit_early() -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        run_study(from_dict(Study, plain), tmp_path / "named")
    assert ran == ["Two"]
    grid["axes"] = {"data": ("finance", "given")}
    with pytest.raises(SchemaError, match="the study names none"):
        run_study(from_dict(Study, plain), tmp_path / "missing")
