"""Checkpoints are whole or not there, whatever happens and whenever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from domaintoolkit.errors import ArtifactError, NewerVersionError
from domaintoolkit.train.checkpoint import Checkpoints
from domaintoolkit.util.partials import clear_partials

TENSORS = {"model": {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(2)}, "random": {"cpu": torch.arange(9)}}


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    made = Checkpoints(tmp_path / "checkpoints", keep=2)
    made.save(7, TENSORS, {"state": {"step": 7}}, None)
    tensors, state = made.load(7)
    assert state == {"state": {"step": 7}}
    assert all(torch.equal(tensors[name][key], value) for name in TENSORS for key, value in TENSORS[name].items())
    assert {path.suffix for path in made.path(7).iterdir()} == {".safetensors", ".json"}


def test_the_last_ones_and_the_best_are_kept(tmp_path: Path) -> None:
    made = Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 3, 4, 5):
        made.save(step, TENSORS, {}, best=2 if step >= 2 else None)
    assert made.steps() == [2, 4, 5]
    (tmp_path / "step-of-another-kind").mkdir()
    assert made.steps() == [2, 4, 5]


def test_damage_is_found(tmp_path: Path) -> None:
    made = Checkpoints(tmp_path, keep=2)
    made.save(1, TENSORS, {"x": 1}, None)
    weights, state = made.path(1) / "model.safetensors", made.path(1) / "state.json"
    whole, text = weights.read_bytes(), state.read_bytes()
    for damaged in (whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1]), b""):
        weights.write_bytes(damaged)
        with pytest.raises(ArtifactError, match=r"model\.safetensors"):
            made.load(1)
    weights.write_bytes(whole)
    state.write_bytes(text.replace(b'"x": 1', b'"x": 2'))
    with pytest.raises(ArtifactError, match="altered"):
        made.load(1)
    state.write_bytes(text.replace(b'"version": 1', b'"version": 2'))
    with pytest.raises(NewerVersionError):
        made.load(1)


def test_a_crash_at_any_operation_leaves_whole_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Checkpoints(tmp_path, keep=1)
    made.save(1, TENSORS, {"step": 1}, None)
    survived = False
    for crash in range(60):
        calls = iter(range(10**6))

        def crashing(operation, calls=calls, crash=crash):  # type: ignore[no-untyped-def]
            def wrapped(*args, **kwargs):  # type: ignore[no-untyped-def]
                if next(calls) == crash:
                    raise KeyboardInterrupt
                return operation(*args, **kwargs)

            return wrapped

        with monkeypatch.context() as patched:
            for owner, name in ((os, "fsync"), (os, "rename"), (os, "unlink"), (os, "rmdir"), (os, "mkdir")):
                patched.setattr(owner, name, crashing(getattr(os, name)))
            try:
                made.save(2, TENSORS, {"step": 2}, None)
                survived = True
            except KeyboardInterrupt:
                pass
        assert made.steps()
        for step in made.steps():
            assert made.load(step)[1] == {"step": step}
        if survived:
            break
        if 1 not in made.steps():
            made.save(1, TENSORS, {"step": 1}, 1)
        clear_partials(made.folder)
        assert all(path.name.startswith("step-") for path in tmp_path.iterdir())
    assert survived


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_whole_checkpoints(tmp_path: Path) -> None:
    script = (
        "import sys, torch\n"
        "from pathlib import Path\n"
        "from domaintoolkit.train.checkpoint import Checkpoints\n"
        "made = Checkpoints(Path(sys.argv[1]), 2)\n"
        "for step in range(1, 100000):\n"
        "    made.save(step, {'model': {'a': torch.full((200_000,), float(step))}}, {'step': step}, None)\n"
        "    print(step, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(3):
        process.stdout.readline()
    time.sleep(0.0037)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    made = Checkpoints(tmp_path, 2)
    clear_partials(made.folder)
    steps = made.steps()
    assert steps
    assert steps[-1] >= 3
    for step in steps:
        tensors, state = made.load(step)
        assert state == {"step": step}
        assert (tensors["model"]["a"] == step).all()
