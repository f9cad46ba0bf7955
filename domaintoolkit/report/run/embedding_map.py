"""The map: embeddings of held-out histories in two dimensions, and how well they part groups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from domaintoolkit.model import EventModel, TokenModel, embed
from domaintoolkit.report.charts import Table
from domaintoolkit.report.folder.chosen_rows import ChosenRows
from domaintoolkit.report.pages.template import pack
from domaintoolkit.report.run.colourings import Colouring, colourings
from domaintoolkit.report.run.projection import project, projection_name
from domaintoolkit.report.run.separation import probe_auroc, silhouette
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["EntityMap", "draw_map"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EntityMap:
    """The data of the scripts, and the table beside the picture."""

    data: dict[str, Any]
    names: list[str]
    """What the points can be coloured by."""
    method: str
    table: Table


def untrained(model: TokenModel | EventModel, seed: int = 0) -> TokenModel | EventModel:
    """A model of the same shape with fresh weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        fresh = type(model)(model.config, model.layout, model.vocabulary_hash)  # type: ignore[arg-type]
    return fresh.to(model.device).eval()


def embed_rows(model: TokenModel | EventModel, tokenizer: DomainTokenizer, rows: ChosenRows, longest: int) -> Floats:
    """(n, width): the mean over a history's positions, which says more of the whole of it than the last one."""
    ids, offsets = rows.flat
    segmenter = tokenizer.segmenter if model.config.composites else None
    return embed(model, ids, offsets, "mean", longest, segmenter).astype(np.float64)


def draw_map(
    model: TokenModel | EventModel, tokenizer: DomainTokenizer, rows: ChosenRows, longest: int
) -> EntityMap | None:
    """The map of these histories; None if there are too few, or nothing to colour them by."""
    found = colourings(tokenizer, rows)
    if len(rows) < 5 or not found:
        return None
    trained = embed_rows(model, tokenizer, rows, longest)
    fresh = embed_rows(untrained(model), tokenizer, rows, longest)
    parted = [[_part(embeddings, each) for embeddings in (trained, fresh)] for each in found]
    table = Table.of(
        ("colour", "asked", "share", "silhouette", "untrained", "AUROC of a probe", "untrained"),
        [
            [each.name, each.question, f"{each.flags.mean():.0%}", *_show(mine, theirs, 0), *_show(mine, theirs, 1)]
            for each, (mine, theirs) in zip(found, parted, strict=True)
        ],
    )  # fmt: skip
    return EntityMap(
        {
            "maps": {"trained": _points(project(trained)), "untrained": _points(project(fresh))},
            "colourings": [_colouring_data(each) for each in found],
        },
        [each.name for each in found],
        projection_name(len(rows)),
        table,
    )  # fmt: skip


def _show(mine: tuple[float, float], theirs: tuple[float, float], place: int) -> list[str]:
    return ["too few" if math.isnan(value[place]) else f"{value[place]:.3f}" for value in (mine, theirs)]


def _part(embeddings: Floats, colouring: Colouring) -> tuple[float, float]:
    known = ~np.isnan(colouring.values)
    flags = colouring.flags[known]
    return silhouette(embeddings[known], flags.astype(np.int64)), probe_auroc(embeddings[known], flags)


def _points(places: Floats) -> dict[str, str]:
    low, high = places.min(0), places.max(0)
    span = max(1e-12, float((high - low).max()))
    # both axes have the same scale, and the picture is in the middle
    scaled = (places - (low + high) / 2) / span + 0.5
    whole = np.clip(np.rint(scaled * 65535), 0, 65535).astype(np.uint16)
    return {"x": pack(whole[:, 0]), "y": pack(whole[:, 1])}


def _colouring_data(colouring: Colouring) -> dict[str, Any]:
    grouped = bool(colouring.names)
    return {
        "name": colouring.name,
        "kind": "groups" if grouped else "numbers",
        "names": colouring.names,
        "values": pack(colouring.values.astype(np.uint8 if grouped else np.float32)),
        "log": colouring.log,
        "whole": colouring.whole,
    }
