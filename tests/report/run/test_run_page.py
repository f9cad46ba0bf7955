from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import train_folders as folders

from domaintoolkit.errors import ArtifactError, VocabularyMismatchError
from domaintoolkit.report.run import run_page as run_page_module
from domaintoolkit.report.run.run_page import run_page
from domaintoolkit.train import Recipe, train


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = folders.rows(150, 3)
    return folders.write(tmp_path_factory.mktemp("encoded"), table, folders.tokenizer(table))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, encoded: Path) -> Path:
    recipe = Recipe(
        family="event", preset="54k", model={"layers": 1}, block=64, batch=4, steps=6, evaluate_every=2,
        checkpoint_every=6, evaluate_blocks=2,
    )  # fmt: skip
    out = tmp_path_factory.mktemp("run") / "model"
    train(encoded, out, recipe, progress=lambda _: None)
    return out


@pytest.mark.slow
def test_a_page_has_every_part(trained: Path, encoded: Path) -> None:
    page = run_page(trained).html
    for title in (
        "Loss, in bits an event", "Loss, in nats a token", "Learning rate", "Norm of the gradient",
        "Bits of each field", "Bits saved by the model", "what came", "Groups of entities apart",
        "events of the history", "Distance to the nearest training history",
    ):  # fmt: skip
        assert title in page, title
    assert f"domaintoolkit train {encoded}" in page
    assert page.count("<script>") == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("held_out", "lead", "held"),
    [
        ("last", "losses are of the last event of each history", "(the last events)"),
        ("none", "nothing was held out, so all figures are of histories that it was trained on", "<dd>nothing</dd>"),
    ],
)
def test_a_page_says_what_was_held_out(
    tmp_path: Path, encoded: Path, monkeypatch: pytest.MonkeyPatch, held_out: str, lead: str, held: str
) -> None:
    monkeypatch.setattr(run_page_module, "GENERATED", 2)
    monkeypatch.setattr(run_page_module, "PREDICTIONS", 1)
    shape = {"width": 8, "layers": 1, "heads": 1, "part_width": 8}
    recipe = Recipe(
        family="event", preset="event-85m", model=shape, block=64, batch=4, steps=2, evaluate_every=2,
        evaluate_blocks=2, held_out=held_out,
    )  # fmt: skip
    train(encoded, tmp_path / "run", recipe, progress=lambda _: None)
    page = run_page(tmp_path / "run").html
    assert lead in page
    assert held in page
    assert "150 entities" in page
    assert "The model was trained on these histories." in page
    assert "Nothing tells if the model copies" in page
    for untrue in ("held-out", "never saw" if held_out == "none" else "entities that it never saw", "--preset 54k"):
        assert untrue not in page.partition("<script")[0]


@pytest.mark.slow
def test_without_its_data_a_run_has_a_shorter_page(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    (run / "log.jsonl").unlink()
    page = run_page(run).html
    assert "give it as OUT" in page
    assert "Loss, in bits an event" in page
    with pytest.raises(ArtifactError, match="neither an encoded folder nor the folder of a training run"):
        run_page(tmp_path)
    table = folders.rows(40, 12).slice(0, 100)
    other = folders.write(tmp_path / "other", table, folders.tokenizer(table))
    with pytest.raises(VocabularyMismatchError):
        run_page(run, other)
