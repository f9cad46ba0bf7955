"""Several outputs of one command, which get their names together, once all of them are whole."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from domaintoolkit.errors import OutputError
from domaintoolkit.util.partials import SET, making_parents, open_alone, partial_name, replace_by

__all__ = ["is_begun", "link_others", "replacing_together"]


@contextmanager
def replacing_together(paths: Sequence[Path], replaced: Container[Path] = ()) -> Iterator[dict[Path, Path]]:
    """For each file or folder, another place of the same name to write it to; all are renamed after the block.

    Those that the block did not write keep their old content, and all do after an error. A command that was killed
    between two renames is run again as it was: then an output that is there, and is not in `replaced`, has to be equal
    to the one that was made again. Raises `OutputError` if it is not, or if another run writes one of them.
    """
    with ExitStack() as held:
        made = {path: held.enter_context(_folder_of(path)) / path.absolute().name for path in paths}
        yield made
        written = {path: place for path, place in made.items() if place.exists()}
        kept = [path for path in written if path not in replaced and path.exists()]
        other = [path for path in kept if not _is_equal(path, made[path])]
        if other:
            raise OutputError(str(other[0]), "already exists; give --overwrite to replace it, or choose another")
        for path, place in written.items():
            try:
                replace_by(place, path)
            except OSError as error:
                raise OutputError(str(path), error.strerror or str(error)) from error


def is_begun(paths: Sequence[Path]) -> bool:
    """Return True if a command that was to make all of these was killed after it gave some of them their names."""
    return all(partial_name(path, SET).is_dir() for path in paths) and not all(path.exists() for path in paths)


def link_others(old: Path, made: Path, own: Container[str]) -> None:
    """Give the folder `made`, which is to replace `old`, the files and folders of that, but not those named in
    `own`, nor those that it has itself."""
    for path in sorted(old.iterdir()) if old.is_dir() else ():
        target = made / path.name
        if path.name in own:
            continue
        if target.is_dir() and path.is_dir() and not path.is_symlink():
            link_others(path, target, ())
        elif not target.exists() and path.is_dir() and not path.is_symlink():
            shutil.copytree(path, target, symlinks=True, copy_function=_link)
        elif not target.exists():
            _link(path, target)


def _link(path: str | Path, target: str | Path) -> None:
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError:  # a file system without links
        shutil.copy2(path, target, follow_symlinks=False)


@contextmanager
def _folder_of(path: Path) -> Iterator[Path]:
    """An empty folder beside `path`, which no other run holds; it goes after the block."""
    folder = partial_name(path, SET)
    with ExitStack() as opened:
        try:
            opened.enter_context(making_parents(path))
            descriptor = open_alone(folder, os.O_DIRECTORY | os.O_NOFOLLOW, path)
        except OSError as error:
            raise OutputError(str(path), error.strerror or str(error)) from error
        opened.callback(os.close, descriptor)
        opened.callback(shutil.rmtree, folder, ignore_errors=True)
        for left in folder.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        yield folder


def _is_equal(one: Path, other: Path) -> bool:
    """Return True for two files, or two folders of files, with the same content."""
    if one.is_dir() and other.is_dir():
        names = sorted(path.relative_to(one) for path in one.rglob("*"))
        if names != sorted(path.relative_to(other) for path in other.rglob("*")):
            return False
        return all(_is_equal(one / name, other / name) for name in names if not (one / name).is_dir())
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)
