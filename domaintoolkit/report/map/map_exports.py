"""The points of a map for other tools: TensorBoard's projector, and embedding-atlas."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from domaintoolkit.report.folder.chosen_rows import ChosenRows
from domaintoolkit.report.map.colourings import Colouring
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.partials import replacing, replacing_folder

__all__ = ["MapExports", "MapPoints", "points_of_map"]

Floats = NDArray[np.float64]

TOKENS = 80
"""Tokens of a history that are its text: the last ones, which the model has just read."""
CONFIG = """embeddings {
  tensor_name: "entities"
  tensor_path: "vectors.tsv"
  metadata_path: "metadata.tsv"
}
"""


@dataclass(frozen=True, slots=True)
class MapPoints:
    """The entities of a map, in their order."""

    columns: Mapping[str, Sequence[Any]]
    """The key, the split, and what the points can be coloured by."""
    texts: Sequence[str]
    """The last tokens of each history."""
    places: Floats
    """(n, 2)"""
    embeddings: Floats
    """(n, width)"""


@dataclass(frozen=True, slots=True)
class MapExports:
    """The files that the points of a map are written to, beside its page."""

    projector: Path | None = None
    """A folder for TensorBoard's projector: `vectors.tsv`, `metadata.tsv` and `projector_config.pbtxt`."""
    atlas: Path | None = None
    """A Parquet file for embedding-atlas: columns, `x`, `y` and `text`."""

    def write(self, points: MapPoints) -> None:
        """Write what is asked for."""
        if self.projector is not None:
            with replacing_folder(self.projector) as folder:
                _write_projector(folder, points)
        if self.atlas is not None:
            with replacing(self.atlas) as file:
                _write_atlas(file, points)


def points_of_map(
    tokenizer: DomainTokenizer, rows: ChosenRows, found: Sequence[Colouring], places: Floats, embeddings: Floats
) -> MapPoints:
    """The points of a map of these histories."""
    names = tokenizer.vocabulary.names
    texts = [" ".join(names[token] for token in ids[-TOKENS:].tolist()) for ids in rows.ids]
    columns: dict[str, Sequence[Any]] = {
        name: [key[place] for key in rows.keys] for place, name in enumerate(tokenizer.schema.entity)
    }
    # a key may be called like that
    columns["split" if "split" not in columns else "split_"] = rows.splits
    for each in found:
        values = each.values[: len(rows)]
        if each.names:
            columns.setdefault(each.name, [each.names[int(value)] for value in values])
        else:
            columns.setdefault(each.name, [None if value != value else value for value in values.tolist()])
    return MapPoints(columns, texts, places, embeddings[: len(rows)])


def _write_projector(folder: Path, points: MapPoints) -> None:
    np.savetxt(folder / "vectors.tsv", points.embeddings, fmt="%.6g", delimiter="\t", encoding="utf-8")
    columns = {**points.columns, "text": points.texts}
    lines = ["\t".join(map(_cell, columns))]
    lines += ["\t".join(map(_cell, row)) for row in zip(*columns.values(), strict=True)]
    (folder / "metadata.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "projector_config.pbtxt").write_text(CONFIG, encoding="utf-8")


def _cell(value: Any) -> str:
    """A cell in a file that knows no quotes: on one line, without tabs."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else re.sub(r"\s", " ", str(value))


def _write_atlas(file: BinaryIO, points: MapPoints) -> None:
    # a column of the data never takes the place of the coordinates or of the text
    names = {name: f"{name}_" if name in ("x", "y", "text") else name for name in points.columns}
    own = {names[name]: list(values) for name, values in points.columns.items()}
    table = pa.table({"x": points.places[:, 0], "y": points.places[:, 1], "text": list(points.texts), **own})
    pa.parquet.write_table(table, file)
