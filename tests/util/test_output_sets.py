"""Several outputs that get their names together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from domaintoolkit.errors import OutputError
from domaintoolkit.util.output_sets import is_begun, link_others, replacing_together


def write(folder: Path, text: str, replaced: bool = False) -> None:
    """Write a file and a folder together, as a command does."""
    paths = [folder / "new" / "file.csv", folder / "folder"]
    with replacing_together(paths, paths if replaced else ()) as places:
        places[paths[0]].write_text(text)
        places[paths[1]].mkdir()
        (places[paths[1]] / "part").write_text(text)


def test_all_outputs_appear_or_none(tmp_path: Path) -> None:
    def fails() -> None:
        with replacing_together([tmp_path / "new" / "a", tmp_path / "b"]) as places:
            places[tmp_path / "b"].write_text("b")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        fails()
    assert os.listdir(tmp_path) == []
    write(tmp_path, "one")
    assert sorted(os.listdir(tmp_path)) == ["folder", "new"]
    assert (tmp_path / "new" / "file.csv").read_text() == (tmp_path / "folder" / "part").read_text() == "one"


def test_an_output_that_is_there_is_replaced_only_if_it_may_be_or_is_the_same(tmp_path: Path) -> None:
    write(tmp_path, "one")
    write(tmp_path, "one")
    (tmp_path / "new" / "file.csv").unlink()
    with pytest.raises(OutputError, match="folder: already exists"):
        write(tmp_path, "two")
    assert os.listdir(tmp_path / "new") == []
    write(tmp_path, "two", replaced=True)
    assert (tmp_path / "folder" / "part").read_text() == "two"


def test_a_set_is_begun_if_its_command_was_killed_between_two_names(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    paths[0].write_text("whole")
    assert not is_begun(paths)
    for name in (".a.partial-set", ".b.partial-set"):
        (tmp_path / name).mkdir()
    assert is_begun(paths)
    paths[1].write_text("whole")
    assert not is_begun(paths)


def test_files_of_others_are_linked_into_the_new_folder(tmp_path: Path) -> None:
    old, made = tmp_path / "old", tmp_path / "made"
    for path in ("own", "both/theirs", "both/ours", "theirs/deep/file"):
        (old / path).parent.mkdir(parents=True, exist_ok=True)
        (old / path).write_text("old")
    (old / "link").symlink_to("own")
    (made / "both").mkdir(parents=True)
    (made / "both" / "ours").write_text("new")
    link_others(old, made, {"own"})
    assert sorted(os.listdir(made)) == ["both", "link", "theirs"]
    assert (made / "both" / "ours").read_text() == "new"
    assert (made / "both" / "theirs").samefile(old / "both" / "theirs")
    assert (made / "theirs" / "deep" / "file").read_text() == "old"
    assert (made / "link").is_symlink()
