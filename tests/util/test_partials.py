"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from domaintoolkit.errors import OutputError
from domaintoolkit.util import partials
from domaintoolkit.util.partials import clear_partials, list_whole, replacing, replacing_folder, write_atomic


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def fails() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        fails()
    assert path.read_bytes() == b"old"
    write_atomic(path, b"new")
    assert [child.name for child in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"new"
    with pytest.raises(OutputError):
        write_atomic(path / "below", b"")


def test_a_failed_write_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with replacing_folder(path) as partial:
        (partial / "file").write_bytes(b"old")

    def fails(error: Exception) -> None:
        with replacing_folder(path) as partial:
            (partial / "other").touch()
            raise error

    with pytest.raises(RuntimeError):
        fails(RuntimeError("stop"))
    with pytest.raises(OutputError, match="folder: the disk is gone"):
        fails(OSError("the disk is gone"))
    assert [child.name for child in tmp_path.iterdir()] == ["folder"]
    assert (path / "file").read_bytes() == b"old"
    with replacing_folder(path) as partial:
        (partial / "other").mkdir()
    assert [child.name for child in path.iterdir()] == ["other"]
    assert list_whole(tmp_path) == ["folder"] == os.listdir(tmp_path)


@pytest.mark.parametrize("write", [replacing, replacing_folder])
def test_a_second_writer_is_refused_and_disturbs_nothing(tmp_path: Path, write: Callable[[Path], object]) -> None:
    with write(tmp_path / "out") as partial:  # type: ignore[attr-defined]
        with pytest.raises(OutputError, match="out: another run is writing to it"), write(tmp_path / "out"):  # type: ignore[attr-defined]
            pass
        if isinstance(partial, Path):
            (partial / "file").touch()
    assert list_whole(tmp_path) == ["out"] == os.listdir(tmp_path)


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_is_replaced_where_names_can_be_exchanged_and_where_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(partials, "_exchange", lambda one, other: False)
    for word in (b"old", b"new"):
        with replacing_folder(tmp_path / "folder") as partial:
            (partial / "file").write_bytes(word)
        assert (tmp_path / "folder" / "file").read_bytes() == word
        assert os.listdir(tmp_path) == ["folder"]


@pytest.mark.parametrize("moment", ["before", "between", "after"])
def test_a_folder_that_a_killed_run_was_replacing_is_whole_afterwards(tmp_path: Path, moment: str) -> None:
    path, old, partial = (tmp_path / name for name in ("folder", ".folder.partial-old", ".folder.partial"))
    path.mkdir()
    (path / "file").write_bytes(b"old")
    partial.mkdir()
    (partial / "file").write_bytes(b"new")
    if moment != "before":
        path.rename(old)
    if moment == "after":
        partial.rename(path)
    clear_partials(tmp_path)
    assert [child.name for child in tmp_path.iterdir()] == ["folder"]
    assert (path / "file").read_bytes() == (b"new" if moment == "after" else b"old")


def test_what_a_killed_run_left_is_used_or_removed(tmp_path: Path) -> None:
    (tmp_path / ".file.partial").write_bytes(b"a longer half")
    (tmp_path / ".folder.partial" / "deep").mkdir(parents=True)
    (tmp_path / ".other.partial").mkdir()
    assert list_whole(tmp_path) == []
    write_atomic(tmp_path / "file", b"whole")
    with replacing_folder(tmp_path / "folder"):
        pass
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert list((tmp_path / "folder").iterdir()) == []
    clear_partials(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_a_link_in_the_place_of_a_partial_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / ".file.partial").symlink_to(tmp_path / "precious")
    with pytest.raises(OutputError):
        write_atomic(tmp_path / "file", b"new")
    assert (tmp_path / "precious").read_bytes() == b"precious"
