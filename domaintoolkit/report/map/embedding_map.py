"""The map: embeddings of held-out histories in two dimensions, and how well they part groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.embeddings import embed_labels
from domaintoolkit.labels import LabelSettings, place_labels, read_labels
from domaintoolkit.model import EventModel, TokenModel
from domaintoolkit.probes import untrained_twin
from domaintoolkit.report.charts import Table
from domaintoolkit.report.folder.chosen_rows import ChosenRows
from domaintoolkit.report.map.colourings import Colouring, colourings
from domaintoolkit.report.map.label_probe import has_probes, probe_group
from domaintoolkit.report.map.map_exports import MapPoints, points_of_map
from domaintoolkit.report.map.projection import project, projection_name
from domaintoolkit.report.map.separation import silhouette
from domaintoolkit.report.pages.template import pack
from domaintoolkit.storage import EncodedFolder
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["EntityMap", "draw_map"]

Floats = NDArray[np.float64]

FEWEST_POINTS = 5


@dataclass(frozen=True, slots=True)
class EntityMap:
    """The data of the scripts, and the table beside the picture."""

    data: dict[str, Any]
    names: list[str]
    """Those that a reader can choose."""
    method: str
    table: Table
    probe_note: str
    """The histories that the probe was fitted on, in words."""
    points: MapPoints
    """The points of the trained model, for other tools."""


def embed_rows(
    models: Sequence[TokenModel | EventModel], folder: EncodedFolder, tokenizer: DomainTokenizer, rows: ChosenRows
) -> list[Floats]:
    """For each model (n, width): the vector of each history, as `embed` and `evaluate` make it of all its events."""
    types = folder.table(0).schema
    columns = {
        name: pa.array([key[place] for key in rows.keys], types.field(name).type)
        for place, name in enumerate(tokenizer.schema.entity)
    }
    # the key alone: no column is a date or a target, whatever its name
    table = read_labels(
        pa.table(columns),
        folder,
        LabelSettings(headers=dict.fromkeys(("date", "target", "task", "split", "weight"), "")),
    )
    placed = place_labels(folder, table)
    return [
        embed_labels(model, folder, table, placement=placed, tokenizer=tokenizer).astype(np.float64) for model in models
    ]


def draw_map(
    model: TokenModel | EventModel,
    folder: EncodedFolder,
    tokenizer: DomainTokenizer,
    rows: ChosenRows,
    fitted: ChosenRows,
) -> EntityMap | str:
    """The map of these histories, or the reason that there is none.

    The probe is fitted on the histories `fitted`, of training and validation. What is asked of a number, if it lies
    above the median, is asked of all of them together.
    """
    whole = rows.join(fitted)
    count = len(rows)
    known = colourings(tokenizer, whole, count)
    found = [each for each in known if len(np.unique(_drop_missing(each.values[:count]))) > 1]
    if count < FEWEST_POINTS:
        return f"it needs at least {FEWEST_POINTS} held-out histories, and there are {count}"
    if not found:
        return "nothing that is known of the held-out histories tells them apart"
    trained, fresh = embed_rows((model, untrained_twin(model).eval()), folder, tokenizer, whole)
    if not np.isfinite(trained).all():
        return "the embeddings are not numbers; the training has diverged"
    splits = np.array(whole.splits)
    parted = [[_part(embeddings, each, splits, count) for embeddings in (trained, fresh)] for each in found]
    table = Table.of(
        ("colour", "asked", "share", "silhouette", "untrained", "AUROC of a probe", "untrained"),
        [
            [each.name, each.question, f"{each.flags[:count].mean():.0%}", *_show(mine, theirs, 0),
             *_show(mine, theirs, 1)]
            for each, (mine, theirs) in zip(found, parted, strict=True)
        ],
    )  # fmt: skip
    places = project(trained[:count])  # (count, 2)
    return EntityMap(
        {
            "maps": {"trained": _points(places), "untrained": _points(project(fresh[:count]))},
            "colourings": [_colouring_data(each, count) for each in found],
        },
        [each.name for each in found],
        projection_name(count),
        table,
        _probe_note(fitted),
        points_of_map(tokenizer, rows, found, places, trained),
    )  # fmt: skip


def _probe_note(fitted: ChosenRows) -> str:
    if not has_probes():
        return "The AUROC of the probe needs the extra evaluate, which is not installed."
    counts = {name: fitted.splits.count(name) for name in ("train", "validation")}
    return (
        f"The probe is the linear one of evaluate, fitted on {counts['train']:,} training entities, with a penalty "
        f"chosen on {counts['validation']:,} of validation."
    )


def _drop_missing(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _show(mine: tuple[float, float], theirs: tuple[float, float], place: int) -> list[str]:
    absent = "not installed" if place == 1 and not has_probes() else "too few"
    return [absent if math.isnan(value[place]) else f"{value[place]:.3f}" for value in (mine, theirs)]


def _part(embeddings: Floats, colouring: Colouring, splits: NDArray[np.str_], count: int) -> tuple[float, float]:
    """(silhouette of the first `count` entities, AUROC of a probe on those of the test split)."""
    known = ~np.isnan(colouring.values)
    shown = known[:count]
    apart = silhouette(embeddings[:count][shown], colouring.flags[:count][shown].astype(np.int64))
    if not has_probes():
        return apart, float("nan")
    return apart, probe_group(embeddings[known], colouring.flags[known], splits[known])


def _points(places: Floats) -> dict[str, str]:
    low, high = places.min(0), places.max(0)
    span = max(1e-12, float((high - low).max()))
    # both axes have the same scale, and the picture is in the middle
    scaled = (places - (low + high) / 2) / span + 0.5
    # 16 bits are finer than any screen
    whole = np.clip(np.rint(scaled * 65535), 0, 65535).astype(np.uint16)
    return {"x": pack(whole[:, 0]), "y": pack(whole[:, 1])}


def _colouring_data(colouring: Colouring, count: int) -> dict[str, Any]:
    grouped = bool(colouring.names)
    return {
        "name": colouring.name,
        "kind": "groups" if grouped else "numbers",
        "names": colouring.names,
        "values": pack(colouring.values[:count].astype(np.uint8 if grouped else np.float32)),
        "log": colouring.log,
        "whole": colouring.whole,
    }
