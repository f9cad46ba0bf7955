"""`train`, `embed`, `generate` and `plan`, with a model of a few thousand weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import torch
from click.testing import Result

from domaintoolkit.cli.commands.train import _announce
from domaintoolkit.cli.recipe_options import HELP
from domaintoolkit.train import Recipe

Run = Callable[..., Result]
Data = Callable[..., dict[str, Any]]

TINY = (
    "--preset", "54k", "--model", "layers=1", "--steps", 2, "--warmup", 0, "--batch", 2, "--block", 64,
    "--evaluate-every", 2, "--evaluate-blocks", 1, "--checkpoint-every", 2, "--no-report",
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, run: Run, encoded: Path) -> Path:
    out = tmp_path_factory.mktemp("run") / "model"
    result = run("train", encoded, "-o", out, *TINY)
    assert result.exit_code == 0, result.output
    assert "bits an event" in result.stdout
    assert "training an event model, preset 54k, on" in result.stderr
    assert "2 steps of 2 blocks of 64 positions" in result.stderr
    assert f"domaintoolkit embed {out} {encoded} -o embeddings.parquet" in result.stdout
    return out


def test_every_setting_is_an_option() -> None:
    assert set(HELP) == set(Recipe.__dataclass_fields__)


@pytest.mark.slow
def test_a_run_is_not_overwritten_but_resumed(run: Run, as_data: Data, encoded: Path, trained: Path) -> None:
    assert run("train", encoded, "-o", trained, *TINY).exit_code == 1
    data = as_data("train", encoded, "-o", trained, *TINY, "--resume")
    assert data["steps"] == 2
    assert data["recipe"]["model"] == {"layers": 1}
    assert as_data("train", encoded, "-o", trained, "--resume", "--no-report")["recipe"] == data["recipe"]
    assert "seed: was 0 when the run began" in run("train", encoded, "-o", trained, "--resume", "--seed", 1).output


@pytest.mark.slow
def test_a_run_is_overwritten_only_if_asked(run: Run, encoded: Path, tmp_path: Path) -> None:
    out = tmp_path / "m"
    assert run("train", encoded, "-o", out, *TINY).exit_code == 0
    (out / "mine.txt").write_text("kept")
    assert run("train", encoded, "-o", out, *TINY, "--seed", 1).exit_code == 1
    result = run("train", encoded, "-o", out, *TINY, "--seed", 1, "--overwrite")
    assert result.exit_code == 0, result.output
    assert "seed = 1" in (out / "recipe.toml").read_text()
    assert (out / "mine.txt").read_text() == "kept"
    assert run("train", encoded, "-o", out, *TINY, "--resume", "--overwrite").exit_code == 2


@pytest.mark.slow
def test_embeddings(as_data: Data, run: Run, trained: Path, encoded: Path, tmp_path: Path) -> None:
    data = as_data("embed", trained, encoded, "-o", tmp_path / "all.parquet", "--window", 50)
    table = pyarrow.parquet.read_table(tmp_path / "all.parquet")
    assert table.column_names == ["user_id", "split", "embedding"]
    assert table.num_rows == data["entities"] == len(set(table["user_id"].to_pylist()))
    as_data("embed", trained, encoded, "-o", tmp_path / "test.parquet", "--window", 50, "--split", "test")
    few = pyarrow.parquet.read_table(tmp_path / "test.parquet")
    assert 0 < few.num_rows < table.num_rows
    assert run("embed", trained, encoded, "-o", tmp_path / "test.parquet").exit_code == 1
    assert run("embed", encoded, encoded, "-o", tmp_path / "other.parquet").exit_code == 1
    nowhere = run("embed", trained, encoded, "-o", tmp_path / "other.parquet", "--device", "cuda:99")
    assert (nowhere.exit_code, "device: 'cuda:99' is not available here" in nowhere.stderr) == (2, True)


def test_embeddings_as_of_dates(as_data: Data, run: Run, trained: Path, encoded: Path, tmp_path: Path) -> None:
    out = tmp_path / "at.parquet"
    data = as_data("embed", trained, encoded, "-o", tmp_path / "events.parquet", "--every-event")
    every = pyarrow.parquet.read_table(tmp_path / "events.parquet")
    assert data["events"] == every.num_rows
    (tmp_path / "labels.csv").write_text(f"user_id,when\n{every['user_id'][0]},2019-10-25\n1,2019-10-25\n")
    asked = ("embed", trained, encoded, "-o", out, "--at", tmp_path / "labels.csv", "--column", "date=when")
    assert as_data(*asked) == {"out": str(out), "width": 96, "rows": 2, "unknown": 1, "without_events": 0}
    assert pyarrow.parquet.read_table(out).column_names == ["user_id", "when", "events", "embedding"]
    assert "1 rows are of unknown entities" in run(*asked, "--overwrite").stdout
    assert "no effect with labels" in run(*asked, "--overwrite", "--split", "test").stderr
    assert (
        "--until: no effect without labels"
        in run("embed", trained, encoded, "-o", "x.parquet", "--until", "2020").stderr
    )


def test_embeddings_of_an_empty_split_are_a_table_without_rows(
    as_data: Data, run: Run, trained: Path, encoded: Path, tmp_path: Path
) -> None:
    one = tmp_path / "one"
    rows = tmp_path / "one.parquet"
    assert run("decode", encoded, "-o", rows).exit_code == 0
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(rows).slice(0, 1), rows)
    assert run("encode", rows, "-d", "ecommerce", "--tokenizer", encoded / "tokenizer", "-o", one).exit_code == 0
    found = [
        as_data("embed", trained, one, "-o", tmp_path / f"{split}.parquet", "--split", split)["entities"]
        for split in ("train", "validation", "test")
    ]
    assert sorted(found) == [0, 0, 1]
    tables = [pyarrow.parquet.read_table(tmp_path / f"{split}.parquet") for split in ("train", "validation", "test")]
    assert [table.num_rows for table in tables] == found
    assert len({str(table.schema) for table in tables}) == 1
    if not found[0]:
        assert "give --tokens" in run("plan", one).stderr


@pytest.fixture(scope="module", params=["token", "event", "composites"])
def writer(request: pytest.FixtureRequest, run: Run, trained: Path, encoded: Path) -> tuple[Path, Path]:
    """(a run, the encoded folder that it was trained on) of each kind of model."""
    if request.param == "token":
        return trained, encoded
    folder = trained.parent / request.param
    if request.param == "composites":
        made = run("encode", "--domain", "ecommerce", "--events", 300, "--composites", 30, "-o", folder / "encoded")
        assert made.exit_code == 0, made.output
        encoded = folder / "encoded"
    options = ("--family", "event") if request.param == "event" else ("--segmentation", "spr")
    result = run("train", encoded, "-o", folder / "model", *options, *TINY)
    assert result.exit_code == 0, result.output
    assert "expected " in result.stdout
    return folder / "model", encoded


@pytest.mark.slow
def test_histories(as_data: Data, run: Run, writer: tuple[Path, Path], tmp_path: Path) -> None:
    model, encoded = writer
    data = as_data("generate", model, "--events", 2, "--count", 2)
    assert len(data["histories"]) == 2
    again = as_data("generate", model, "--events", 2, "--count", 2)
    assert again == data
    table = tmp_path / "rows.parquet"
    assert run("generate", model, "--events", 2, "--table", table).exit_code == 0
    assert "event_type" in pyarrow.parquet.read_table(table).column_names
    assert run("generate", model, "--events", 2, "--table", table).exit_code == 1
    assert run("generate", model, "--events", 2, "--table", table, "--overwrite").exit_code == 0
    assert "event_type" in run("generate", model, "--events", 2, "--table", "-").stdout.splitlines()[0]
    assert "[BOS]" in run("generate", model, "--events", 1).stdout
    longer = as_data("generate", model, "--continue", encoded, "--events", 1, "--top-k", 3, "--top-p", 0.9)
    assert longer["events"] > 1


@pytest.mark.slow
def test_what_comes_next(as_data: Data, run: Run, writer: tuple[Path, Path]) -> None:
    model, encoded = writer
    found = as_data("generate", model, "--continue", encoded, "--next", 2)["predictions"]
    assert len(found) == 2
    assert found[0]["probability"] >= found[1]["probability"]
    assert run("generate", model, "--next", 2).exit_code == 2
    drawn = run("generate", model, "--continue", encoded, "--next", 2, "--seed", 3, "--count", 1)
    assert (drawn.exit_code, "--count, --seed: no effect with --next; drop them" in drawn.stderr) == (2, True)
    assert run("generate", model, "--entity", 2).exit_code == 2


@pytest.mark.slow
def test_embeddings_of_each_kind_of_model(as_data: Data, writer: tuple[Path, Path], tmp_path: Path) -> None:
    model, encoded = writer
    data = as_data("embed", model, encoded, "-o", tmp_path / "all.parquet", "--pooling", "mean")
    assert data["entities"] == pyarrow.parquet.read_table(tmp_path / "all.parquet").num_rows


def test_a_history_of_another_vocabulary_is_refused(run: Run, trained: Path, tmp_path: Path) -> None:
    assert run("encode", "--domain", "ads", "--events", 100, "-o", tmp_path / "ads").exit_code == 0
    result = run("generate", trained, "--continue", tmp_path / "ads", "--next", 2)
    assert result.exit_code == 1
    assert "expected vocabulary" in result.stderr


def test_a_plan(as_data: Data, run: Run, encoded: Path) -> None:
    data = as_data("plan", "--preset", "24m", "--gpu", "l4", "--tokens", "62.7M")
    assert (data["tokens"], data["fits"]) == (62_700_000, True)
    assert "modelled" in run("plan", encoded, "--preset", "54k", "--gpu", "h100").stdout
    assert run("plan", "--tokens", "many").exit_code == 2
    assert "available: a10" in run("plan", "--gpu", "tpu").stderr


def test_train_usage(run: Run, tmp_path: Path, encoded: Path) -> None:
    assert run("train").exit_code == 2
    assert run("train", encoded, "-o", tmp_path / "m", "--model", "layers").exit_code == 2
    assert run("train", encoded, "-o", tmp_path / "m", "--preset", "9t").exit_code == 2
    assert run("train", tmp_path / "nowhere", "-o", tmp_path / "m").exit_code == 1


@pytest.mark.slow
def test_a_model_runs_on_as_many_threads_as_the_user_says(
    run: Run, trained: Path, encoded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, used = torch.get_num_threads(), []
    limit = torch.set_num_threads
    monkeypatch.setattr(torch, "set_num_threads", lambda count: (used.append(count), limit(count)))
    assert run("embed", trained, encoded, "-o", tmp_path / "a.parquet", "--threads", before + 1).exit_code == 0
    assert run("train", encoded, "-o", trained, "--resume", "--no-report", "--threads", before + 1).exit_code == 0
    assert run("generate", trained, "--events", 1, "--threads", before + 1).exit_code == 0
    assert used == [before + 1, before] * 3


@pytest.mark.parametrize(
    ("held_out", "said"), [("entities", " events, "), ("last", "all but the last two"), ("none", "all of them")]
)
def test_the_first_line_tells_what_is_trained_on(
    held_out: str, said: str, encoded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _announce(encoded, Recipe(held_out=held_out, steps=3), "the settings of a test")  # type: ignore[arg-type]
    told = capsys.readouterr().err
    assert said in told
