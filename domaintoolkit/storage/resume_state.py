"""What an unfinished encoding leaves behind, so that the same command continues it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from domaintoolkit.errors import ArtifactError, OutputError, SourceError
from domaintoolkit.schema import to_dict
from domaintoolkit.storage.manifest import MANIFEST, STATE, ShardEntry
from domaintoolkit.storage.shards import LEFT_OUT, SHARDS
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.artifacts import canonical_json, read_json, write_json

__all__ = [
    "APPENDING",
    "FINISHED",
    "REFUSED",
    "STATE",
    "FinishedShard",
    "InputFile",
    "State",
    "check_free",
    "check_unchanged",
    "clear_partials",
    "clear_state",
    "discard",
    "identity",
    "same_run",
]

FINISHED = "finished"
"""The folder of what Spark's workers have finished, until all is."""
REFUSED = "refused"
"""The folder of the rows that were refused, until all is encoded."""
APPENDING = ".appending-"
"""How the folder of an append that is at work begins."""
FORMAT, VERSION = "domaintoolkit unfinished encoding", 1
OURS = {"tokenizer", SHARDS, LEFT_OUT, FINISHED, REFUSED, "set_aside", STATE, MANIFEST}


@dataclass(frozen=True, slots=True)
class InputFile:
    """An input file as the run found it; `sha256` is None until it has been read through."""

    path: str
    size: int
    modified: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class FinishedShard:
    """A shard that is written: its entry in the manifest, its counts, and the rows that were refused in it."""

    number: int
    entry: ShardEntry
    counts: dict[str, Any]
    refused: tuple[dict[str, Any], ...] = ()
    left_out: ShardEntry | None = None
    """The file of its histories that are too short so far, where the schema has such a limit."""

    @property
    def files(self) -> tuple[ShardEntry, ...]:
        """The entries of its files."""
        return (self.entry,) if self.left_out is None else (self.entry, self.left_out)

    @classmethod
    def of(cls, data: dict[str, Any]) -> FinishedShard:
        """The shard whose `asdict` is `data`."""
        entry, left_out = (None if data[name] is None else ShardEntry(**data[name]) for name in ("entry", "left_out"))
        return cls(**{**data, "entry": entry, "left_out": left_out, "refused": tuple(data["refused"])})


@dataclass(frozen=True, slots=True)
class State:
    """How far an encoding has come. `inputs` is None where they are no files, and then nothing is resumed."""

    inputs: tuple[InputFile, ...] | None
    tokenizer: str
    """The hash of the vocabulary and of the schema."""
    options: dict[str, Any]
    shards: int = 0
    """0 until the input has been read through."""
    rows: dict[str, Any] = field(default_factory=dict)
    """What reading counted."""
    columns: dict[str, str] = field(default_factory=dict)
    spill: str | None = None
    """Where the parted rows are, if they are on disk."""
    pieces: tuple[int, ...] = ()
    """Sizes of the files there."""
    finished: tuple[FinishedShard, ...] = ()

    def save(self, folder: Path) -> None:
        """Write the state into `folder`."""
        data = asdict(self)
        write_json(folder / STATE, FORMAT, VERSION, {**data, "finished": list(data["finished"])})

    @classmethod
    def load(cls, folder: Path) -> State:
        """The state in `folder`; raises `ArtifactError` where it is damaged."""
        path = folder / STATE
        data = read_json(path, FORMAT, VERSION)
        try:
            inputs = data.pop("inputs")
            finished = tuple(FinishedShard.of(shard) for shard in data.pop("finished"))
            data["pieces"] = tuple(data["pieces"])
            known = None if inputs is None else tuple(InputFile(**file) for file in inputs)
            return cls(inputs=known, finished=finished, **data)
        except (KeyError, TypeError) as error:
            raise ArtifactError(str(path), f"is not a state of this version: {error}") from None

    def with_shard(self, shard: FinishedShard) -> State:
        """The state once one more shard is written."""
        return replace(self, finished=tuple(sorted([*self.finished, shard], key=lambda each: each.number)))


def identity(tokenizer: DomainTokenizer) -> str:
    """What a tokenizer is, in a state: its vocabulary and its schema."""
    return canonical_json([tokenizer.vocabulary.hash, to_dict(tokenizer.schema)])


def check_free(folder: Path) -> bool:
    """Whether `folder` holds an unfinished encoding; raises `OutputError` where it holds anything else."""
    clear_partials(folder)
    found = sorted(entry.name for entry in os.scandir(folder))
    if STATE in found:
        return True
    if MANIFEST in found:
        raise OutputError(str(folder), "already holds an encoded folder; append to it, delete it, or choose another")
    if found:
        listed = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
        raise OutputError(str(folder), f"already holds something else ({listed}); choose an empty or new folder")
    return False


def clear_partials(folder: Path) -> None:
    """Remove files that a killed run was still writing beside their names."""
    for path in [*folder.glob(".*.partial"), *(found for name in OURS for found in folder.glob(f"{name}/.*.partial"))]:
        path.unlink()
    for path in [*folder.glob(".tokenizer.*"), *folder.glob(f"{APPENDING}*")]:
        shutil.rmtree(path)


def same_run(folder: Path, old: State, new: State) -> bool:
    """Whether the run that left `old` can be continued by `new`; raises an error that names what has changed.

    False where nothing of it is worth keeping.
    """
    if old.inputs is None or new.inputs is None or not old.shards:
        return False
    _compare_inputs(folder, old.inputs, new.inputs)
    if old.tokenizer != new.tokenizer:
        raise OutputError(str(folder), _cannot("the tokenizer or the schema is another one"))
    changed = sorted(name for name in new.options if new.options[name] != old.options.get(name))
    if changed:
        was = ", ".join(f"{name} was {old.options.get(name)!r}" for name in changed)
        raise OutputError(str(folder), _cannot(f"the options have changed: {was}"))
    return True


def check_unchanged(folder: Path, before: Sequence[InputFile] | None, after: Sequence[InputFile] | None) -> None:
    """Raise `SourceError` where files are no longer what they were when their reading began."""
    if before is not None and after is not None:
        _compare_inputs(folder, before, after)


def _compare_inputs(folder: Path, old: Sequence[InputFile], new: Sequence[InputFile]) -> None:
    before = {file.path: file for file in old}
    after = {file.path: file for file in new}
    for path in sorted(before.keys() ^ after.keys()):
        what = (
            "was an input of the unfinished encoding" if path in before else "was no input of the unfinished encoding"
        )
        raise SourceError(path, f"{what} in {folder}; give the same files, or delete that folder to start anew")
    for path, file in after.items():
        kept = before[path]
        for word, name in (("size", "size"), ("checksum", "sha256"), ("time of change", "modified")):
            now, then = getattr(file, name), getattr(kept, name)
            if now != then and None not in (now, then):  # a checksum may not have been taken yet
                raise SourceError(
                    path, f"has changed since the encoding in {folder} began ({word}); delete that folder to start anew"
                )


def _cannot(reason: str) -> str:
    return f"holds an unfinished encoding that cannot be continued: {reason}; delete the folder to start anew"


def clear_state(folder: Path) -> None:
    """Remove what only an unfinished encoding needs, once all else is written."""
    if (folder / FINISHED).exists():
        shutil.rmtree(folder / FINISHED)
    (folder / STATE).unlink()


def discard(folder: Path) -> None:
    """Remove what an unfinished encoding has written, its state last."""
    for name in (*(OURS - {STATE}),):
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    (folder / STATE).unlink(missing_ok=True)
