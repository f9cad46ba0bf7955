"""The result of an encoding, and its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from domaintoolkit.schema import Reader, Schema, to_dict
from domaintoolkit.storage.manifest import Manifest
from domaintoolkit.storage.resume_state import FinishedShard
from domaintoolkit.storage.shards import read_shard
from domaintoolkit.streams.streams import Counts
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["EncodeResult", "build_manifest", "order_notes"]


@dataclass(frozen=True, slots=True)
class EncodeResult:
    """The folder that an encoding wrote, and counts of the rows and values in it."""

    folder: Path
    manifest: Manifest
    counts: Counts
    resumed: int = 0
    """The number of shards that an earlier run finished."""
    quarantine: Path | None = None
    """The file of refused rows, if there are any."""
    notes: tuple[str, ...] = ()


def order_notes(schema: Schema) -> tuple[str, ...]:
    """A note if no column gives the order of events."""
    if schema.has_order:
        return ()
    missing = "the schema has neither a time column nor order_by, so events keep the order of the rows"
    return (f"{missing}: the same rows in another order give other streams",)


def build_manifest(
    tokenizer: DomainTokenizer,
    folder: Path,
    finished: Sequence[FinishedShard],
    reader: Reader | None = None,
    refused_in_reading: int = 0,
) -> tuple[Manifest, Counts]:
    """The manifest of finished shards, in their order, and the sum of their counts."""
    read = Counts(rows_in=refused_in_reading, rows_refused=refused_in_reading)
    counts = sum((Counts(**shard.counts) for shard in finished), read)
    vocabulary = tokenizer.vocabulary
    first = read_shard(folder, finished[0].entry, verify=False)
    manifest = Manifest(
        schema=to_dict(tokenizer.schema),
        vocabulary={
            "size": len(vocabulary),
            "hash": vocabulary.hash,
            "generations": [list(generation) for generation in vocabulary.generations],
        },
        columns={field.name: str(field.type) for field in first.schema},
        shards=tuple(shard.entry for shard in finished),
        left_out=tuple(shard.left_out for shard in finished if shard.left_out is not None),
        counts=asdict(counts),
        reader=None if reader is None else to_dict(reader),
    )
    return manifest, counts
