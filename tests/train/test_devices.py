"""Two CPU processes train the model that one trains on the same batches."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import torch

from domaintoolkit.train import Recipe, load_recipe, resolved_toml, train
from domaintoolkit.train._checkpoint import Checkpoints

SCRIPT = """
import sys
from domaintoolkit.train import load_recipe, train

train(sys.argv[1], sys.argv[2], load_recipe(sys.argv[3]), progress=lambda report: None)
"""
RECIPE = Recipe(family="event", preset="54k", block=64, batch=2, steps=3, warmup=0, evaluate_every=3)


def test_two_processes_do_what_one_does_with_twice_the_batches(encoded: Path, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "recipe.toml").write_text(resolved_toml(RECIPE))
    assert load_recipe(tmp_path / "recipe.toml") == RECIPE
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = [str(tmp_path / "script.py"), str(encoded), str(tmp_path / "two"), str(tmp_path / "recipe.toml")]
    quiet = {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*launch, *script], env=os.environ | quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    train(encoded, tmp_path / "one", replace(RECIPE, accumulation=2), progress=lambda report: None)
    left, right = (Checkpoints(tmp_path / name / "checkpoints", 2).load(3)[0]["model"] for name in ("one", "two"))
    assert left.keys() == right.keys()
    assert all(torch.allclose(left[name], right[name], rtol=1e-3, atol=1e-4) for name in left)
