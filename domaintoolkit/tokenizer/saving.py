"""A fitted tokenizer as a folder of files with checksums, written under another name and renamed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from domaintoolkit.composite import CompositeModel, heaviest
from domaintoolkit.encoders import Anchor, Encoder, EncoderType
from domaintoolkit.errors import ArtifactError, DomainToolkitError, OutputError
from domaintoolkit.schema import FieldSpec, Schema, from_dict, to_dict, to_toml
from domaintoolkit.times import ZoneTable
from domaintoolkit.tokenizer.encoder_types import encoder_types
from domaintoolkit.tokenizer.fit_state import settle_defaults
from domaintoolkit.tokenizer.layout import Layout
from domaintoolkit.tokenizer.rows.column_types import parse_type, write_type
from domaintoolkit.util.artifacts import read_json, write_json
from domaintoolkit.util.collector import collect_seldom
from domaintoolkit.util.partials import list_whole, replacing_folder
from domaintoolkit.vocabulary import Vocabulary

__all__ = ["FILE", "SMALL", "Saved", "load", "save"]

COMPOSITES = "composites.json"
COUNTS = "counts.arrow"
SCHEMA, HEAVIEST = "schema.toml", "composites.tsv"
"""For people to read; `load` reads the JSON files."""

SHOWN = 1000
"""The number of heaviest composites that are listed."""

SMALL = 16 << 20
"""Bytes of counts that are saved unless they are declined."""

FILE, FORMAT, VERSION = "tokenizer.json", "domaintoolkit-tokenizer", 3


@dataclass(frozen=True, eq=False)
class Saved:
    """A tokenizer in a folder."""

    layout: Layout
    types: Mapping[str, pa.DataType]
    """The types of the columns that it was fitted on."""
    counts: bytes | None
    """`FitState.to_bytes`; None without counts."""
    extensions: tuple[str, ...] = ()
    """A digest of what each extension by a job added."""


def save(saved: Saved, directory: str | Path) -> None:
    """Write the folder; an existing one is replaced if it holds a tokenizer, and refused if not."""
    target = Path(directory)
    if target.exists() and not (target / FILE).exists() and any(list_whole(target)):
        raise OutputError(str(target), "holds something other than a tokenizer; choose another folder")
    with replacing_folder(target) as made:
        _write(saved, made)


def _write(saved: Saved, directory: Path) -> None:
    layout, types = saved.layout, saved.types
    files = {SCHEMA: to_toml(layout.schema).encode()}
    if layout.composites is not None:
        files[HEAVIEST] = _list_heaviest(layout, layout.composites).encode()
    if saved.counts is not None:
        files[COUNTS] = saved.counts
    for name, data in files.items():
        (directory / name).write_bytes(data)
    # the checksums of all files are in this one, which is written after them
    payload = {
        "schema": to_dict(layout.schema),
        "types": {name: write_type(types[name]) for name in sorted(types)},
        "zone": layout.zone.to_json(),
        "static": [encoder.to_json() for encoder in layout.static],
        "fields": [encoder.to_json() for encoder in layout.fields],
        "anchor": None if layout.anchor is None else layout.anchor.to_json(),
        "vocabulary": layout.vocabulary.hash,
        "ordered": layout.ordered,
        "composites": layout.composites is not None,
        "extensions": list(saved.extensions),
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    write_json(directory / FILE, FORMAT, VERSION, payload)
    layout.vocabulary.save(directory)
    if layout.composites is not None:
        write_json(directory / COMPOSITES, f"{FORMAT}-composites", VERSION, {"model": layout.composites.to_json()})


def _list_heaviest(layout: Layout, composites: CompositeModel) -> str:
    heavy = heaviest(composites, layout.vocabulary.names, layout.grammar, SHOWN)
    rows = "".join(f"{entry.id}\t{entry.weight:.6g}\t{entry.count}\t{entry.name}\n" for entry in heavy)
    return "id\tweight\tcount\tcomposite\n" + rows


@collect_seldom()
def load(directory: str | Path, encoders: Iterable[EncoderType] = ()) -> Saved:
    """The tokenizer in a folder that `save` wrote; nothing in it is executed."""
    folder = Path(directory)
    if not (folder / FILE).exists() and (folder / "tokenizer" / FILE).exists():
        raise ArtifactError(str(folder), f"is an encoded folder; its tokenizer is {folder / 'tokenizer'}")
    payload = read_json(folder / FILE, FORMAT, VERSION)
    vocabulary = Vocabulary.load(folder)
    if payload.get("vocabulary") != vocabulary.hash:
        raise ArtifactError(str(folder), "its vocabulary.json is not the one that its tokenizer.json was saved with")
    listed = payload.get("files")
    # a name with a folder in it would reach files outside
    if not isinstance(listed, dict) or any(Path(name).name != name for name in listed):
        raise ArtifactError(str(folder / FILE), f"does not list the files of a tokenizer: {listed!r}")
    files = {name: _check(folder / name, checksum) for name, checksum in listed.items()}
    composites = None
    if payload.get("composites"):
        saved = read_json(folder / COMPOSITES, f"{FORMAT}-composites", VERSION)
        composites = CompositeModel.from_json(saved.get("model", {}))
    try:
        layout, types = _restore(payload, vocabulary, encoders)
        layout = replace(layout, composites=composites, ordered=bool(payload.get("ordered")))
        return Saved(layout, types, files.get(COUNTS), tuple(map(str, payload["extensions"])))
    except DomainToolkitError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise ArtifactError(str(folder / FILE), f"does not hold a tokenizer: {error!r}") from None


def _check(path: Path, checksum: str) -> bytes:
    """The content of a file; raises `ArtifactError` if it is not the one that was saved."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(str(path), error.strerror or str(error)) from None
    if hashlib.sha256(data).hexdigest() != checksum:
        raise ArtifactError(str(path), "was altered: its content does not match its checksum in tokenizer.json")
    return data


def _restore(
    payload: dict[str, Any], vocabulary: Vocabulary, encoders: Iterable[EncoderType]
) -> tuple[Layout, dict[str, pa.DataType]]:
    schema = from_dict(Schema, payload["schema"], "the saved schema")
    kinds = encoder_types(schema, encoders)

    def restore(specs: Iterable[FieldSpec], saved: Iterable[dict[str, Any]]) -> tuple[Encoder, ...]:
        settled = [settle_defaults(schema, spec) for spec in specs]
        return tuple(kinds[s.name].encoder.from_json(s, data) for s, data in zip(settled, saved, strict=True))

    layout = Layout(
        schema,
        restore(schema.static, payload["static"]),
        restore(schema.fields, payload["fields"]),
        None if payload["anchor"] is None else Anchor.from_json(payload["anchor"]),
        vocabulary,
        ZoneTable.from_json(payload["zone"]),
    )
    types = {name: parse_type(kind) for name, kind in payload["types"].items()}
    needed = [*(spec.name for spec in (*schema.static, *schema.fields)), *([schema.time] if schema.time else [])]
    missing = [name for name in needed if name not in types]
    if missing:
        raise KeyError(f"no type of the column {missing[0]!r}")
    return layout, types
