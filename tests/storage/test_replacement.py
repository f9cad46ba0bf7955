"""An output folder that replaces an earlier one stays until the new one is whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from domaintoolkit.errors import OutputError, SchemaError
from domaintoolkit.storage.lock import lock_folder
from domaintoolkit.storage.replacement import FolderKind, continuing, make_anew
from domaintoolkit.util.partials import remove_folder

KIND = FolderKind({"mark", "part"}, "mark", remove_folder)


def make(folder: Path, text: str, stop: bool = False) -> str:
    """Write a part, which a call with another text cannot continue, and then the mark."""
    with lock_folder(folder):
        if (folder / "part").exists() and (folder / "part").read_text() != text:
            with continuing():
                raise SchemaError([], "the unfinished run")
        (folder / "part").write_text(text)
        if stop:
            raise OutputError(str(folder / "mark"), f"the disk of {folder} is full")
        (folder / "mark").write_text(text)
    return text


def test_the_old_folder_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert make_anew(out, KIND, lambda folder: make(folder, "one")) == "one"
    (out / "mine").write_text("kept")
    with pytest.raises(OutputError, match=f"^{out}/mark: the disk of {out} is full$"):
        make_anew(out, KIND, lambda folder: make(folder, "two", stop=True))
    assert (out / "part").read_text() == (out / "mark").read_text() == "one"
    assert sorted(os.listdir(tmp_path)) == [".out.partial-new", "out"]
    # one that was interrupted is in the way of none with other settings
    assert make_anew(out, KIND, lambda folder: make(folder, "three")) == "three"
    assert {path.name: path.read_text() for path in out.iterdir()} == {"mark": "three", "part": "three", "mine": "kept"}
    assert os.listdir(tmp_path) == ["out"]


def test_an_unfinished_folder_is_continued_or_begun_anew(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(OutputError):
        make_anew(out, KIND, lambda folder: make(folder, "one", stop=True))
    assert make_anew(out, KIND, lambda folder: make(folder, "two")) == "two"
    assert os.listdir(tmp_path) == ["out"]


def test_a_folder_that_another_run_holds_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make_anew(out, KIND, lambda folder: make(folder, "one"))
    with lock_folder(out), pytest.raises(OutputError, match="another run is writing to it"):
        make_anew(out, KIND, lambda folder: make(folder, "two"))


def test_a_folder_that_gets_no_output_goes_with_those_above_it(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "a" / "b" / "c"):
        pass
    assert os.listdir(tmp_path) == []
