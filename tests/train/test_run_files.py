"""The files of a run, from the first to the last, and a run of which one was changed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from domaintoolkit.cli import main
from domaintoolkit.errors import ArtifactError, OutputError, SchemaError
from domaintoolkit.storage.lock import lock_folder
from domaintoolkit.train import Progress, Recipe, load_run_recipe, train, verify_run

RECIPE = Recipe(family="event", preset="54k", block=64, batch=2, steps=2, warmup=0, evaluate_blocks=1, keep=1)


def quiet(report: Progress) -> None:
    pass


@pytest.fixture(scope="module")
def finished(encoded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; not to be changed."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    train(encoded, folder, RECIPE, progress=quiet)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of that run."""
    return shutil.copytree(finished, tmp_path / "run")


def test_every_file_is_counted(finished: Path) -> None:
    report = verify_run(finished)
    assert report.files == sum(path.is_file() for path in finished.rglob("*"))
    assert report.steps == (2,)
    assert report.result is not None
    assert report.result["comparison"]["verdict"]


@pytest.mark.slow
def test_a_flipped_byte_of_any_file_is_named(finished: Path, run: Path) -> None:
    for path in [path for path in run.rglob("*") if path.is_file()]:
        raw = path.read_bytes()
        for place in (0, len(raw) // 3, len(raw) - 1):
            path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
            with pytest.raises(ArtifactError) as caught:
                verify_run(run)
            assert path.name in caught.value.path
        path.unlink()
        if path.name == "result.json":
            assert verify_run(run).result is None  # as before the end of the run
        else:
            with pytest.raises(ArtifactError):
                verify_run(run)
        path.write_bytes(raw)
    verify_run(run)


def test_a_file_that_the_run_did_not_write_is_named(run: Path) -> None:
    (run / "model" / "more.safetensors").touch()
    with pytest.raises(ArtifactError, match=r"more\.safetensors: is not one of the run's files"):
        verify_run(run)


def test_the_command(run: Path, encoded: Path) -> None:
    result = CliRunner().invoke(main, ["verify", str(run)])
    assert result.exit_code == 0, result.output
    assert "every file is as it was written" in result.output
    assert "verdict: " in result.output
    data = json.loads(CliRunner().invoke(main, ["verify", str(run), "--json"]).output)
    assert data["holds"]
    assert data["result"]["comparison"]["verdict"] in result.output
    assert CliRunner().invoke(main, ["verify", str(encoded / "tokenizer")]).exit_code == 0
    refused = CliRunner().invoke(main, ["verify", str(run), "rows.csv"])
    assert refused.exit_code == 2
    assert "holds no streams to compare with rows" in refused.output
    (run / "result.json").write_bytes((run / "result.json").read_bytes().replace(b"verdict", b"verdikt"))
    altered = CliRunner().invoke(main, ["verify", str(run)])
    assert altered.exit_code == 1
    assert "result.json: was altered" in altered.output


def test_a_resumed_run_refuses_an_altered_recipe(run: Path, tmp_path: Path) -> None:
    assert load_run_recipe(run) == RECIPE
    assert load_run_recipe(tmp_path / "none") is None
    text = (run / "recipe.toml").read_text()
    (run / "recipe.toml").write_text(text.replace("keep = 1", "keep = 9"))
    with pytest.raises(ArtifactError, match=r"recipe\.toml: was altered"):
        load_run_recipe(run)


def stop(when: Callable[[Progress], bool]) -> Callable[[Progress], None]:
    """Report progress, and end the run as Ctrl-C does when `when` says so."""

    def progress(report: Progress) -> None:
        if when(report):
            raise KeyboardInterrupt

    return progress


@pytest.mark.slow
def test_the_same_call_continues_and_another_recipe_is_refused(encoded: Path, finished: Path, tmp_path: Path) -> None:
    folder, recipe = tmp_path / "run", replace(RECIPE, checkpoint_every=1)
    with pytest.raises(KeyboardInterrupt):
        train(encoded, folder, recipe, progress=stop(lambda report: report.step == 1))
    with pytest.raises(SchemaError, match=r"the recipe of the unfinished run in .*run has 1 problem\n  batch: was 2"):
        train(encoded, folder, replace(recipe, batch=3), progress=quiet)
    train(encoded, folder, recipe, progress=quiet)
    assert (folder / "model" / "model.safetensors").read_bytes() == (finished / "model/model.safetensors").read_bytes()
    with pytest.raises(OutputError, match="holds a finished training run"):
        train(encoded, folder, recipe, progress=quiet)


def test_a_second_run_into_one_folder_is_refused(encoded: Path, tmp_path: Path) -> None:
    with lock_folder(tmp_path / "run"), pytest.raises(OutputError, match="another run is writing to it"):
        train(encoded, tmp_path / "run", RECIPE, progress=quiet)


def test_the_folder_of_another_is_left_as_it_is(encoded: Path, tmp_path: Path) -> None:
    (tmp_path / ".download.partial").touch()
    (tmp_path / "notes").touch()
    with pytest.raises(OutputError, match=r"already holds something else \(notes\)"):
        train(encoded, tmp_path, RECIPE, progress=quiet)
    assert sorted(os.listdir(tmp_path)) == [".download.partial", "notes"]
