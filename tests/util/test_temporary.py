"""Temporary folders of commands that were killed go with the next command; those of others that run stay."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from domaintoolkit.errors import OutputError
from domaintoolkit.util.temporary import PREFIX, temporary_folder


def test_the_folder_of_a_killed_command_goes_and_that_of_a_running_one_stays(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}killed" / "deep").mkdir(parents=True)
    (tmp_path / "domaintoolkit-0123").mkdir()  # the rows of an encoding that can go on
    with temporary_folder(tmp_path) as first:
        (first / "file").touch()
        with temporary_folder(tmp_path) as second:
            assert sorted(os.listdir(tmp_path)) == sorted(["domaintoolkit-0123", first.name, second.name])
            assert (first / "file").exists()
        assert first.stat().st_mode & 0o077 == 0
    assert os.listdir(tmp_path) == ["domaintoolkit-0123"]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="absent: No such file or directory"), temporary_folder(tmp_path / "absent"):
        pass
    assert os.listdir(tmp_path) == []
