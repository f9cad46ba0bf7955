"""The files of a run: how it begins, how it ends, and whether they are still as they were written.

`run.json` is written first and says that the folder is a run's; `result.json` is written last, with the checksum of
every file but the checkpoints, which have their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from domaintoolkit.errors import ArtifactError, OutputError
from domaintoolkit.model import load_model
from domaintoolkit.model.bound_model import BoundModel
from domaintoolkit.storage.lock import lock_folder
from domaintoolkit.storage.replacement import FolderKind, make_anew
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.train.checkpoint import Checkpoints
from domaintoolkit.train.logs.run_log import LOG, SEAL
from domaintoolkit.train.recipe import Recipe, load_recipe
from domaintoolkit.util.artifacts import check_seal, file_checksum, read_json, write_json
from domaintoolkit.util.partials import clear_partials, list_whole, remove_folder, replacing_folder, write_atomic

__all__ = [
    "PAGE",
    "PAGE_SEAL",
    "RunReport",
    "begin_run",
    "clear_leftovers",
    "finish_run",
    "is_finished",
    "load_run_recipe",
    "read_result",
    "replace_run",
    "verify_run",
]

RUN, RESULT = "run.json", "result.json"
FORMAT, RESULT_FORMAT, VERSION = "domaintoolkit run", "domaintoolkit training result", 1
RECIPE, TOKENIZER, MODEL, CHECKPOINTS, LOGS = "recipe.toml", "tokenizer", "model", "checkpoints", "logs"
HEAD = "head"
"""The head of a run that was fine-tuned."""
LISTED = (RUN, RECIPE, TOKENIZER, MODEL, HEAD)
"""The files and folders whose checksums are in `result.json`; logs are not, since only other programs read them."""
PAGE = "report.html"
PAGE_SEAL = "<!-- sha256 {} -->"
"""The last line of a run's page."""
OWN = {*LISTED, RESULT, CHECKPOINTS, LOGS, LOG, PAGE}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunReport:
    """The state of a run's files."""

    files: int
    """The number of files that are as they were written."""
    steps: tuple[int, ...]
    """The steps that have a whole checkpoint."""
    result: dict[str, Any] | None
    """The content of `result.json`; None if the run is not finished."""


def clear_leftovers(folder: Path) -> None:
    """Remove what a killed run was still writing; raises `OutputError` if the folder holds something else."""
    others = list_whole(folder)
    if others and RUN not in others:
        reason = f"already holds something else ({', '.join(others[:5])}); choose another folder"
        raise OutputError(str(folder), reason)
    for within in (folder, folder / CHECKPOINTS):
        clear_partials(within)


def begin_run(folder: Path, recipe: str, tokenizer: DomainTokenizer) -> None:
    """Write the recipe, which is TOML, and the tokenizer without its counts; the folder is a run's from the first file
    on."""
    text = recipe.encode()
    # first of all, so that a folder with a result always holds a finished run
    (folder / RESULT).unlink(missing_ok=True)
    files = {RECIPE: hashlib.sha256(text).hexdigest()}
    write_json(folder / RUN, FORMAT, VERSION, {"vocabulary": tokenizer.vocabulary.hash, "files": files})
    write_atomic(folder / RECIPE, text)
    tokenizer.save(folder / TOKENIZER, counts=False)


def replace_run(out: Path, make: Callable[[Path], T]) -> T:
    """Call `make` with the folder of a new run, which replaces one that `out` holds once it is finished.

    An unfinished run is continued, or, if it has other settings, begun anew. Other files in `out` stay.
    """
    return make_anew(out, FolderKind(OWN, RESULT, _discard), make)


def _discard(folder: Path) -> None:
    """Remove an unfinished run; `run.json` stays, since it says that the folder is a run's."""
    with lock_folder(folder):
        for name in OWN - {RUN}:
            path = folder / name
            if path.is_dir():
                remove_folder(path)
            else:
                path.unlink(missing_ok=True)


def finish_run(folder: Path, model: BoundModel, result: dict[str, Any]) -> None:
    """Write the model and, last of all, the result with the checksums of all files."""
    with replacing_folder(folder / MODEL) as partial:
        model.save_pretrained(partial)
    # the log has the seconds of each step: its checksum is its own last line
    logged = (folder / LOG).is_file()
    write_json(folder / RESULT, RESULT_FORMAT, VERSION, {**result, "logged": logged, "files": _checksums(folder)})


def is_finished(folder: Path) -> bool:
    """Return True if the run has its result."""
    return (folder / RESULT).exists()


def read_result(folder: str | Path) -> dict[str, Any]:
    """The content of `result.json`; raises `ArtifactError` if the run has none, or if it was altered."""
    return read_json(Path(folder) / RESULT, RESULT_FORMAT, VERSION)


def load_run_recipe(folder: Path) -> Recipe | None:
    """The recipe that a run began with; None if `folder` holds no run. Raises `ArtifactError` if it was altered."""
    if not (folder / RUN).exists():
        return None
    begun = read_json(folder / RUN, FORMAT, VERSION)
    path = folder / RECIPE
    _compare(folder, _files(begun, folder / RUN), {RECIPE: file_checksum(path) if path.is_file() else ""})
    return load_recipe(folder / RECIPE)


def verify_run(folder: str | Path) -> RunReport:
    """Compare every file of a run with its checksum: recipe, tokenizer, model, result and checkpoints.

    Raises `ArtifactError` for the first one that is missing, altered or of no use.
    """
    place = Path(folder)
    if load_run_recipe(place) is None:
        raise ArtifactError(str(place), f"is not the folder of a run: it has no {RUN}")
    result = read_json(place / RESULT, RESULT_FORMAT, VERSION) if is_finished(place) else None
    known = _checksums(place)
    sealed = {PAGE: PAGE_SEAL} if (place / PAGE).exists() else {}
    if result is not None:
        _compare(place, _files(result, place / RESULT), known)
        sealed |= {LOG: SEAL} if result.pop("logged", False) else {}
    for name, line in sealed.items():
        check_seal(place / name, line)
    checkpoints = Checkpoints(place / CHECKPOINTS, keep=1)
    count, steps = len(known) + len(sealed) + (result is not None), checkpoints.steps()
    for step in steps:
        tensors, _ = checkpoints.load(step)
        count += 1 + len(tensors)
    DomainTokenizer.load(place / TOKENIZER)
    if result is not None:
        load_model(place, "cpu")
    return RunReport(count, tuple(steps), result)


def _files(data: dict[str, Any], path: Path) -> dict[str, str]:
    """Take the checksums out of the content of a file."""
    files = data.pop("files", None)
    if not isinstance(files, dict):
        raise ArtifactError(str(path), "has no checksums of other files")
    return files


def _checksums(folder: Path) -> dict[str, str]:
    """The checksum of each listed file, and of each in a listed folder, by its path below the run's folder."""
    paths = [path for name in LISTED for path in (folder / name, *sorted((folder / name).rglob("*"))) if path.is_file()]
    return {path.relative_to(folder).as_posix(): file_checksum(path) for path in paths}


def _compare(folder: Path, wanted: dict[str, str], found: dict[str, str]) -> None:
    """Raise `ArtifactError` for the first file that is missing, altered or added."""
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            reason = "was altered: its content does not match its checksum"
            reason = reason if name in found else "does not exist"
            raise ArtifactError(str(folder / name), reason if name in wanted else "is not one of the run's files")
