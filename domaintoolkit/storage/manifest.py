"""`Manifest`: the contents of an encoded folder, with the checksum of every shard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field as Constraint

from domaintoolkit.errors import ArtifactError, SchemaError
from domaintoolkit.schema import from_dict
from domaintoolkit.storage.readme import write_readme
from domaintoolkit.util.artifacts import read_json, write_json

__all__ = ["COUNTED", "MANIFEST", "STATE", "Manifest", "SetAside", "ShardEntry"]

MANIFEST = "manifest.json"
STATE = "unfinished.json"
"""The file in its place until an encoding is finished."""
FORMAT, VERSION = "domaintoolkit encoded folder", 2
COUNTED = ("entities", "events", "tokens")

Count = Annotated[int, Constraint(ge=0, lt=1 << 63)]


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One shard: its file below the folder, what it holds, and its checksum."""

    file: Annotated[str, Constraint(pattern=r"^(shards|left_out)/\d+(-\d+)?\.arrow$")]
    entities: Count
    events: Count
    tokens: Count
    bytes: Count
    sha256: str
    splits: dict[str, dict[str, Count]] = field(default_factory=dict)
    """Entities, events and tokens of each split."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A file with a hash of the values of each row that was set aside."""

    file: Annotated[str, Constraint(pattern=r"^set_aside/\d+\.arrow$")]
    rows: Count
    bytes: Count
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """An encoded folder's contents. It names no time, no path and no host, so equal data has equal bytes."""

    schema: dict[str, Any]
    vocabulary: dict[str, Any]
    """`size`, `hash` and the chain of `generations`."""
    columns: dict[str, str]
    """The type of each column of a shard."""
    shards: tuple[ShardEntry, ...]
    counts: dict[str, Any]
    """The counts of rows and values: `rows_in`, `rows_refused`, `spelled` and so on."""
    reader: dict[str, Any] | None = None
    left_out: tuple[ShardEntry, ...] = ()
    """With `min_events`, for each shard the histories that are too short so far; no other number here counts them."""
    appended: tuple[str, ...] = ()
    """For each append that set no row aside, the number of its rows and the sum of their hashes."""
    set_aside: SetAside | None = None
    """Rows that appending refused as older than their histories, if any."""
    readme: str = ""
    """The SHA-256 of the page beside the manifest; `save` sets it."""

    @property
    def totals(self) -> dict[str, int]:
        """Entities, events and tokens of the whole folder."""
        return _sum_counts(asdict(shard) for shard in self.shards)

    @property
    def splits(self) -> dict[str, dict[str, int]]:
        """Entities, events and tokens of each split."""
        names = sorted({name for shard in self.shards for name in shard.splits})
        return {name: _sum_counts(shard.splits.get(name, {}) for shard in self.shards) for name in names}

    def save(self, folder: Path) -> None:
        """Write `manifest.json` into `folder`, and before it the page that says what the folder holds."""
        data = {**asdict(self), "readme": write_readme(folder)}
        shards = {name: list(data.pop(name)) for name in ("left_out", "shards")}
        write_json(folder / MANIFEST, FORMAT, VERSION, {"totals": self.totals, "splits": self.splits, **data, **shards})

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read `manifest.json` of `folder`; raises `ArtifactError` if it is missing, altered or newer."""
        path = folder / MANIFEST
        data = read_json(path, FORMAT, VERSION)
        data.pop("totals", None)
        data.pop("splits", None)
        try:
            made = from_dict(cls, data, "the manifest")
        except SchemaError as error:
            raise ArtifactError(str(path), f"is not a manifest of this version: {error}") from None
        size, own = made.vocabulary.get("size"), made.vocabulary.get("hash")
        if type(size) is not int or not 0 < size <= 1 << 32 or not isinstance(own, str):
            raise ArtifactError(str(path), f"does not name a vocabulary: size {size!r}, hash {own!r}")
        return made


def _sum_counts(parts: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    listed = list(parts)
    return {name: sum(part.get(name, 0) for part in listed) for name in COUNTED}
