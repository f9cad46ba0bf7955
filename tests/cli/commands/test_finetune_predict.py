"""`finetune` and `predict` on a model of a few thousand weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest
from click.testing import Result

from domaintoolkit.cli.recipe_options import FINETUNE_HELP
from domaintoolkit.finetune import FinetuneSettings
from domaintoolkit.storage import open_encoded

Run = Callable[..., Result]
Data = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, as_data: Data, encoded: Path) -> Path:
    out = tmp_path_factory.mktemp("run") / "model"
    sizes = ("--preset", "54k", "--model", "layers=1", "--steps", 2, "--warmup", 0, "--batch", 2, "--block", 64)
    as_data("train", encoded, "-o", out, *sizes, "--evaluate-every", 2, "--evaluate-blocks", 1, "--no-report")
    return out


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory, encoded: Path) -> Path:
    """A label for each user: whether the number of the key is odd; and its last digit as a column."""
    keys = [key for rows in open_encoded(encoded).streams() for key in rows.table["user_id"].to_pylist()]
    made = {"user_id": keys, "target": [int(key) % 2 for key in keys], "digit": [int(key) % 10 for key in keys]}
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    pyarrow.csv.write_csv(pa.table(made), path)
    return path


def test_every_setting_of_fine_tuning_is_an_option() -> None:
    assert set(FINETUNE_HELP) == set(FinetuneSettings.__dataclass_fields__)


@pytest.mark.slow
def test_a_head_is_trained_and_predicts(
    run: Run, as_data: Data, trained: Path, encoded: Path, labels: Path, tmp_path: Path
) -> None:
    out, file = tmp_path / "tuned", tmp_path / "predicted.csv"
    options = ("--tuned", "head", "--fuse", "digit", "--epochs", 1, "--no-compare")
    data = as_data("finetune", trained, encoded, "--labels", labels, "-o", out, *options)
    assert data["kind"] == "binary"
    assert data["settings"]["columns"] == ["digit"]
    assert {"verdict", "sentence"} == set(data["comparison"])
    made = as_data("predict", out, encoded, "--labels", labels, "-o", file)
    assert made == {"out": str(file), "rows": data["counts"]["train"] + data["counts"]["validation"]
                    + data["counts"]["test"], "columns": ["events", "probability"]}  # fmt: skip
    shares = pyarrow.csv.read_csv(file)["probability"].to_pylist()
    assert all(0 <= share <= 1 for share in shares)
    assert run("verify", out).exit_code == 0
    assert run("embed", out, encoded, "-o", tmp_path / "embedded.parquet").exit_code == 0
    assert run("finetune", trained, encoded, "--labels", labels, "-o", out, *options).exit_code == 1
    again = as_data("finetune", trained, encoded, "--labels", labels, "-o", out, *options, "--overwrite")
    assert again["counts"] == data["counts"]
    own = run("finetune", trained, encoded, "--labels", labels, "-o", trained, *options, "--overwrite")
    assert own.exit_code == 2
    assert "name another folder" in own.output
    assert "was fine-tuned" in run("report", out, "-o", tmp_path / "page.html").output
    assert "has no head" in run("predict", trained, encoded, "--labels", labels, "-o", tmp_path / "no.csv").output


@pytest.mark.slow
def test_labels_are_needed(run: Run, trained: Path, encoded: Path, tmp_path: Path) -> None:
    assert "--labels FILE" in run("finetune", trained, encoded, "-o", tmp_path / "tuned").output
    assert run("predict", trained, encoded, "-o", tmp_path / "made.csv").exit_code == 2
