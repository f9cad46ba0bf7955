"""The state of an unfinished encoding on disk, so that the same command can continue it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from domaintoolkit.errors import ArtifactError, OutputError, SourceError
from domaintoolkit.schema import to_dict
from domaintoolkit.storage.manifest import MANIFEST, STATE, ShardEntry
from domaintoolkit.storage.readme import README
from domaintoolkit.storage.shards import LEFT_OUT, SHARDS
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.artifacts import canonical_json, read_json, write_json
from domaintoolkit.util.partials import clear_partials, list_whole

__all__ = [
    "APPENDED_SPILL",
    "FINISHED",
    "REFUSED",
    "STATE",
    "FinishedShard",
    "InputFile",
    "ResumeState",
    "can_continue",
    "check_free",
    "check_unchanged",
    "clear_leftovers",
    "clear_state",
    "discard",
    "identify",
    "make_spill",
    "spill_folder",
]

FINISHED = "finished"
"""The folder of the entries of shards that Spark's workers finished, until all shards are."""
REFUSED = "refused"
"""The folder of the rows that were refused, until all rows are encoded."""
SPILL, APPENDED_SPILL = "partitioned", ".appending.partial"
"""The folder of the partitioned rows: an encoding continues with it, an append starts again."""
FORMAT, VERSION = "domaintoolkit unfinished encoding", 1
OURS = {README, "tokenizer", SHARDS, LEFT_OUT, FINISHED, REFUSED, "set_aside", SPILL, STATE, MANIFEST}


@dataclass(frozen=True, slots=True)
class InputFile:
    """An input file as the run found it; `sha256` is None until all of it has been read."""

    path: str
    size: int
    modified: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class FinishedShard:
    """A shard that is written: its entry in the manifest, its counts, and the rows that it refused."""

    number: int
    entry: ShardEntry
    counts: dict[str, Any]
    refused: tuple[dict[str, Any], ...] = ()
    left_out: ShardEntry | None = None
    """The file of its histories that are too short so far, if the schema has such a limit."""

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
class ResumeState:
    """The progress of an encoding. `inputs` is None if they are not files; such an encoding cannot be resumed."""

    inputs: tuple[InputFile, ...] | None
    tokenizer: str | None
    """The hash of the vocabulary and of the schema; None until all of the input has been read."""
    options: dict[str, Any]
    shards: int = 0
    """0 until all of the input has been read."""
    rows: dict[str, Any] = field(default_factory=dict)
    """The counts of reading."""
    columns: dict[str, str] = field(default_factory=dict)
    spill: str | None = None
    """The folder of the partitioned rows, if they are on disk."""
    pieces: tuple[int, ...] = ()
    """Sizes of the files there."""
    finished: tuple[FinishedShard, ...] = ()

    def save(self, folder: Path) -> None:
        """Write the state into `folder`."""
        data = asdict(self)
        write_json(folder / STATE, FORMAT, VERSION, {**data, "finished": list(data["finished"])})

    @classmethod
    def load(cls, folder: Path) -> ResumeState:
        """The state in `folder`; raises `ArtifactError` if it is damaged."""
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

    def with_shard(self, shard: FinishedShard) -> ResumeState:
        """The state once one more shard is written."""
        return replace(self, finished=tuple(sorted([*self.finished, shard], key=lambda each: each.number)))


def spill_folder(out: Path, temporary: Path | None, name: str = SPILL) -> Path:
    """The folder for partitioned rows: `name` in `out`, or one in `temporary` whose name is always that of `out`."""
    number = hashlib.sha256(str(out.resolve()).encode(errors="surrogateescape")).hexdigest()[:12]
    return out / name if temporary is None else temporary / f"domaintoolkit-{number}"


def make_spill(path: Path) -> None:
    """Make the folder for partitioned rows, without what a killed run left there; whoever calls holds the output."""
    try:
        if path.is_dir():
            shutil.rmtree(path)
        path.mkdir(parents=True)
    except OSError as error:
        raise OutputError(str(path), error.strerror or str(error)) from None


def identify(tokenizer: DomainTokenizer) -> str:
    """The text that identifies a tokenizer in a state: its vocabulary and its schema."""
    return canonical_json([tokenizer.vocabulary.hash, to_dict(tokenizer.schema)])


def check_free(folder: Path) -> bool:
    """Return True if `folder` holds an unfinished encoding, False if it is empty; else raise `OutputError`."""
    found = list_whole(folder)
    if STATE in found:
        clear_leftovers(folder)
        return True
    if MANIFEST in found:
        raise OutputError(str(folder), "already holds an encoded folder; append to it, delete it, or choose another")
    if found:
        listed = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
        raise OutputError(str(folder), f"already holds something else ({listed}); choose an empty or new folder")
    clear_leftovers(folder)
    return False


def clear_leftovers(folder: Path) -> None:
    """Remove what a killed run was still writing."""
    for name in (".", *OURS):
        clear_partials(folder / name)


def can_continue(folder: Path, old: ResumeState, new: ResumeState) -> bool:
    """Return True if `new` can continue the run that left `old`, False if nothing of that run is worth keeping.

    Raises an error that names the change if the inputs, the tokenizer or the options are different.
    """
    if old.inputs is None or new.inputs is None or not old.shards:
        return False
    _compare_inputs(folder, old.inputs, new.inputs)
    if old.tokenizer != new.tokenizer:
        raise OutputError(str(folder), _cannot("the tokenizer or the schema is a different one"))
    changed = sorted(name for name in new.options if new.options[name] != old.options.get(name))
    if changed:
        was = ", ".join(f"{name} was {old.options.get(name)!r}" for name in changed)
        raise OutputError(str(folder), _cannot(f"the options have changed: {was}"))
    return True


def check_unchanged(folder: Path, before: Sequence[InputFile] | None, after: Sequence[InputFile] | None) -> None:
    """Raise `SourceError` if files have changed since their reading began."""
    if before is not None and after is not None:
        _compare_inputs(folder, before, after)


def _compare_inputs(folder: Path, old: Sequence[InputFile], new: Sequence[InputFile]) -> None:
    before = {file.path: file for file in old}
    after = {file.path: file for file in new}
    for path in sorted(before.keys() ^ after.keys()):
        word = "was" if path in before else "was not"
        reason = f"{word} an input of the unfinished encoding in {folder}"
        raise SourceError(path, f"{reason}; give the same files, or delete that folder to start again")
    for path, file in after.items():
        kept = before[path]
        for word, name in (("size", "size"), ("checksum", "sha256"), ("time of change", "modified")):
            now, then = getattr(file, name), getattr(kept, name)
            if now != then and None not in (now, then):  # a checksum may not have been taken yet
                raise SourceError(
                    path,
                    f"has changed since the encoding in {folder} began ({word}); delete that folder to start again",
                )


def _cannot(reason: str) -> str:
    return f"holds an unfinished encoding that cannot be continued: {reason}; delete the folder to start again"


def clear_state(folder: Path) -> None:
    """Remove the files that only an unfinished encoding needs, once all others are written."""
    if (folder / FINISHED).exists():
        shutil.rmtree(folder / FINISHED)
    (folder / STATE).unlink()


def discard(folder: Path) -> None:
    """Remove all that an unfinished encoding wrote, its state last."""
    for name in OURS - {STATE}:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    (folder / STATE).unlink(missing_ok=True)
