"""Two CPU processes train the model that one trains on the same batches, whichever way they share the work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from domaintoolkit.errors import MissingExtraError
from domaintoolkit.train import Recipe, is_precision_emulated, load_recipe, recipe_to_toml, train
from domaintoolkit.train.checkpoint import Checkpoints
from domaintoolkit.train.devices import build_accelerator

SCRIPT = """
import sys
from torch.distributed.tensor import DTensor
from domaintoolkit.train import load_recipe, loop, train

class Stopped(Exception):
    pass

run = loop.Trainer.run

def watched(trainer):
    sharded = {isinstance(entry, DTensor) for entry in trainer.module.parameters()}
    assert sharded == {trainer.training.recipe.parallel == "fsdp"}, sharded
    return run(trainer)

loop.Trainer.run = watched
recipe = load_recipe(sys.argv[3])
first = sys.argv[2] + "-first"
whole = train(sys.argv[1], sys.argv[2], recipe, progress=lambda report: None)
save = loop.Trainer.save

def stopping(trainer, tensors):
    save(trainer, tensors)
    raise Stopped

loop.Trainer.save = stopping
try:
    train(sys.argv[1], first, recipe, progress=lambda report: None)
except Stopped:
    loop.Trainer.save = save
rest = train(sys.argv[1], first, recipe, resume=True, progress=lambda report: None)
assert 0 < len(rest.losses) < len(whole.losses)
assert rest.losses == whole.losses[-len(rest.losses):], (rest.losses, whole.losses)
assert rest.validation == whole.validation
"""
RECIPE = Recipe(preset="54k", block=64, batch=2, steps=4, warmup=0, evaluate_every=2, checkpoint_every=2, keep=9)
COMMAND = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="needs oneDNN")
@pytest.mark.parametrize("there", [True, False])
def test_a_precision_without_arithmetic_is_known(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: there)
    assert is_precision_emulated(Recipe(precision="bf16")) is not there
    assert not is_precision_emulated(Recipe(precision="fp32"))


@pytest.mark.slow
@pytest.mark.parametrize(("family", "parallel"), [("event", "ddp"), ("token", "fsdp"), ("event", "fsdp")])
def test_two_processes_do_what_one_does_with_twice_the_batches(
    encoded: Path, tmp_path: Path, family: str, parallel: str
) -> None:
    recipe = replace(RECIPE, family=family, parallel=parallel)
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "recipe.toml").write_text(recipe_to_toml(recipe))
    assert load_recipe(tmp_path / "recipe.toml") == recipe
    script = [tmp_path / "script.py", encoded, tmp_path / "two", tmp_path / "recipe.toml"]
    quiet = {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*COMMAND, *map(str, script)],
        env=os.environ | quiet,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=300)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, said
    train(encoded, tmp_path / "one", replace(recipe, accumulation=2), progress=lambda report: None)
    left, right = (Checkpoints(tmp_path / name / "checkpoints", 9).load(4)[0]["model"] for name in ("one", "two"))
    assert left.keys() == right.keys()
    assert all(torch.allclose(left[name], right[name], rtol=1e-3, atol=1e-4) for name in left)


def test_a_tracker_that_is_not_installed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"wandb, which is not installed: pip install 'domaintoolkit\[wandb\]'"):
        build_accelerator(replace(RECIPE, trackers=("wandb",)), tmp_path)
