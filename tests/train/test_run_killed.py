"""A run that is killed at any moment continues from its last whole checkpoint to the same end."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from domaintoolkit.train import Recipe, load_recipe, recipe_to_toml, train
from domaintoolkit.train.checkpoint import Checkpoints

SCRIPT = """
import sys
from domaintoolkit.train import load_recipe, train
print("begun", flush=True)
show = lambda report: print(report.step, flush=True)
train(sys.argv[1], sys.argv[2], load_recipe(sys.argv[3]), resume=True, progress=show)
"""
RECIPE = Recipe(
    preset="54k", block=64, batch=2, accumulation=2, steps=24, warmup=2, evaluate_every=8, checkpoint_every=1, keep=2,
    evaluate_blocks=2,
)  # fmt: skip


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_moment_comes_to_the_same_end(encoded: Path, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "recipe.toml").write_text(recipe_to_toml(RECIPE))
    whole = train(encoded, tmp_path / "whole", RECIPE, progress=lambda report: None)
    draw, arguments = random.Random(5), [tmp_path / "script.py", encoded, tmp_path / "killed", tmp_path / "recipe.toml"]
    for _ in range(2):
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with subprocess.Popen(
            [sys.executable, *map(str, arguments)], stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "begun"
            process.stdout.readline()
            time.sleep(draw.random() * 0.3)
            process.send_signal(signal.SIGKILL)
    recipe = load_recipe(tmp_path / "recipe.toml")
    rest = train(encoded, tmp_path / "killed", recipe, resume=True, progress=lambda report: None)
    assert rest.validation == whole.validation
    assert rest.comparison == whole.comparison
    left, right = (Checkpoints(tmp_path / name / "checkpoints", 2).load(24)[0]["model"] for name in ("whole", "killed"))
    assert all(torch.equal(left[name], right[name]) for name in left)
    assert not list((tmp_path / "killed").rglob(".*.partial"))
