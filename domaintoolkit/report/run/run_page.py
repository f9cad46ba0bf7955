"""The page of a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from domaintoolkit.errors import ArtifactError, VocabularyMismatchError, pluralize
from domaintoolkit.evaluate.part_ranks import fit_block, rank_parts
from domaintoolkit.jobs import Progress
from domaintoolkit.model import EventModel, TokenModel, load_model
from domaintoolkit.report.charts import Figure, Table
from domaintoolkit.report.chips import Chip, chips
from domaintoolkit.report.folder.chosen_rows import ChosenRows, choose_rows
from domaintoolkit.report.folder.packed_histories import pack_histories
from domaintoolkit.report.map.embedding_map import EntityMap, draw_map
from domaintoolkit.report.map.map_exports import MapExports
from domaintoolkit.report.pages.template import RenderedPage, render_page
from domaintoolkit.report.run.advice import Trained, advise
from domaintoolkit.report.run.calibration import calibration_figure, rank_table
from domaintoolkit.report.run.curves import curve_figures
from domaintoolkit.report.run.field_costs import cost_figures, cost_sentences
from domaintoolkit.report.run.generated import GeneratedReport, compare_generated
from domaintoolkit.report.run.next_events import ShownPrediction, predict_events
from domaintoolkit.report.run.run_record import RunRecord, read_run
from domaintoolkit.storage import EncodedFolder, open_encoded
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["run_page"]

SECTIONS = (
    ("overview", "Overview"),
    ("curves", "Training"),
    ("fields", "Field by field"),
    ("predictions", "Next events"),
    ("map", "Map"),
    ("generated", "Generated histories"),
    ("next", "Advice"),
    ("settings", "Settings"),
)
PREDICTIONS = 6
RANKED = 1_000
"""Held-out histories whose events are ranked."""
GENERATED, GENERATED_EVENTS = 64, 10
COMPARED = 5_000
"""Training histories that generated ones are compared with."""


@dataclass(frozen=True, slots=True)
class _HeldOut:
    """The model's predictions for held-out histories."""

    split: str
    rows: ChosenRows
    predictions: list[ShownPrediction]
    ranks: Table
    calibration: Figure | None
    map: EntityMap | None
    no_map: str
    """The reason, if there is none."""
    generated: GeneratedReport | str
    lengths: np.ndarray[Any, np.dtype[np.int64]]

    @property
    def figures(self) -> list[Figure]:
        """All pictures of it."""
        calibration = [] if self.calibration is None else [self.calibration]
        return calibration if isinstance(self.generated, str) else [*calibration, *self.generated.figures]


def run_page(
    run: str | Path,
    encoded: str | Path | None = None,
    entities: int = 2_000,
    device: str | None = None,
    gains: Mapping[str, str] | None = None,
    exports: MapExports | None = None,
    progress: Progress | None = None,
) -> RenderedPage:
    """A page of a finished training run.

    `encoded` is the encoded folder whose held-out histories are shown, by default the one that the run was trained on;
    if that is no longer there, the page has only what the run's files say. The map has up to `entities` histories.
    `gains` has what studies have found levers to be worth, in sentences. With `exports`, the
    points of the map are written for other tools. Raises `ArtifactError` if the run is not finished, or has no map to
    write, and `VocabularyMismatchError` for streams of another vocabulary.
    """
    record = read_run(Path(run))
    tokenizer = DomainTokenizer.load(record.folder / "tokenizer")
    trained = None if record.data is None else open_encoded(record.data, verify=False)
    place = Path(encoded) if encoded is not None else record.data
    folder = None if place is None else open_encoded(place)
    found = None if folder is None else _look(record, folder, tokenizer, entities, device, progress or _report_nothing)
    if exports is not None:
        if found is None or found.map is None:
            reason = _absent(record) if found is None else found.no_map
            raise ArtifactError(str(record.folder), f"has no map to write. {reason}")
        exports.write(found.map.points)
    curves, costs = curve_figures(record), cost_figures(record)
    page = render_page(
        "run.html",
        ("page.js", "histories.js", "map.js"),
        _script_data(tokenizer, found),
        sections=SECTIONS,
        curves=curves,
        costs=costs,
        cost_sentences=cost_sentences(record),
        **_opening(record, trained),
        **_describe_held_out(record, tokenizer, found),
        **_closing(record, trained, found, gains or {}),
    )
    return RenderedPage(page, [*curves, *costs, *([] if found is None else found.figures)])


def _script_data(tokenizer: DomainTokenizer, found: _HeldOut | None) -> dict[str, Any]:
    """The data of the page's scripts: the map, and the histories of its points."""
    if found is None or found.map is None:
        return {"histories": None, "map": None}
    return {"histories": pack_histories(tokenizer, found.rows), "map": found.map.data}


def _opening(record: RunRecord, folder: EncodedFolder | None) -> dict[str, Any]:
    """The model, its training data and its score, as facts."""
    comparison = record.result["comparison"]
    rows = [
        [row["name"], *(f"{row[each]:.3f}" for each in ("bits_per_event", "nats_per_token"))]
        for row in comparison["rows"]
    ]
    return {
        "title": f"{record.folder.resolve().name}: {_kind(record)} of {record.result['parameters']:,} parameters",
        "lead": "The course of a training run, its model on new entities, and advice for the next run. The model read "
        f"histories of events and learned to foresee the next one; {_tell_held_out(record)}.",
        "verdict": comparison["sentence"],
        "overview": _overview(record, folder),
        "notes": record.result["notes"],
        "command": record.command,
        "baselines": Table.of(("", "bits an event", "nats a token"), rows),
    }


def _tell_held_out(record: RunRecord) -> str:
    """The events that the figures are of, and if the model was trained on them."""
    if record.has_new_entities:
        return "all figures are of entities that it never saw"
    if record.has_new_events:
        return "losses are of the last event of each history, which it never saw; it was trained on the events before"
    return "nothing was held out, so all figures are of histories that it was trained on"


def _describe_held_out(record: RunRecord, tokenizer: DomainTokenizer, found: _HeldOut | None) -> dict[str, Any]:
    """The model's predictions for held-out histories, or the reason that none can be shown."""
    reason = found.generated if found is not None and isinstance(found.generated, str) else None
    return {
        "held": found,
        "absent": _absent(record) if found is None else "",
        "is_new": record.has_new_entities and (found is None or found.split != "train"),
        "example": _example(tokenizer, found),
        "reason": reason,
    }


def _closing(
    record: RunRecord, folder: EncodedFolder | None, found: _HeldOut | None, gains: Mapping[str, str]
) -> dict[str, Any]:
    """Advice for the next run, and the settings."""
    own = _training_split(record, folder)
    seen = sum(line.get("events", 0) for line in record.steps)
    epochs = seen / own["events"] if seen and own.get("events") else None
    lengths = np.zeros(0, np.int64) if found is None else found.lengths
    return {
        "advice": advise(record, lengths, Trained(own.get("entities"), epochs), gains),
        "settings": (record.folder / "recipe.toml").read_text(encoding="utf-8"),
        "footer": f"Written by domaintoolkit report from {record.folder.resolve().name}.",
    }


def _training_split(record: RunRecord, folder: EncodedFolder | None) -> Mapping[str, int]:
    """The numbers of what the model was trained on; none without its data."""
    if folder is None:
        return {}
    manifest = folder.manifest
    if record.recipe.held_out == "entities" and record.has_new_events:
        return manifest.splits.get("train", {})
    # the last two events of each history are kept back if last events are held out
    return manifest.totals


def _example(tokenizer: DomainTokenizer, found: _HeldOut | None) -> list[Chip]:
    """A generated history, as far as a page shows it."""
    if found is None or isinstance(found.generated, str):
        return []
    return chips(tokenizer, found.generated.example, most=200)


def _kind(record: RunRecord) -> str:
    return "an event model" if record.recipe.family == "event" else "a token model"


def _overview(record: RunRecord, folder: EncodedFolder | None) -> list[tuple[str, str]]:
    result, begun, steps = record.result, record.begun, record.steps
    seconds = record.seconds
    tokens, events = (sum(line.get(name, 0) for line in steps) for name in ("tokens", "events"))
    rows = [
        ("model", f"{record.recipe.family}, preset {record.recipe.preset}"),
        ("parameters", f"{result['parameters']:,}"),
        ("without embeddings", f"{result['inner_parameters']:,}"),
        ("steps", f"{result['steps']:,}, the best {result['best_step']:,}"),
        ("positions a step", f"{record.recipe.positions * record.recipe.accumulation * begun.get('processes', 1):,}"),
        ("precision", record.recipe.precision),
    ]
    if steps:
        rows += [("trained on", f"{pluralize(events, 'event')}, {pluralize(tokens, 'token')}")]
    if folder is not None:
        train = _training_split(record, folder)
        share = f", {events / train['events']:.1f} times each" if steps and train.get("events") else ""
        entities = pluralize(train.get("entities", 0), "entity", "entities")
        seen = pluralize(train.get("events", 0), "event")
        rows += [("training data", f"{entities}, {seen}{share}")]
    compared = pluralize(result["comparison"]["events"], "event")
    rows += [("held out", f"{compared} ({record.measured_on})" if record.has_new_events else "nothing")]
    if seconds is not None:
        rows += [("time", f"{seconds:,.0f} s")]
    if begun:
        threads = f", {pluralize(begun['threads'], 'thread')}" if begun.get("threads") else ""
        rows += [("device", f"{begun['device']}{threads}"), ("PyTorch", begun["torch"]), ("data", begun["data"])]
    return rows


def _absent(record: RunRecord) -> str:
    data = record.begun.get("data")
    where = f"The encoded folder {data} is not there" if data else "The run has no log that names its data"
    return f"{where}: give it as OUT to see predictions, the map and generated histories."


def _look(
    record: RunRecord,
    folder: EncodedFolder,
    tokenizer: DomainTokenizer,
    entities: int,
    device: str | None,
    report: Progress,
) -> _HeldOut | None:
    vocabulary = DomainTokenizer.load(folder.tokenizer_folder).vocabulary
    if vocabulary.hash != tokenizer.vocabulary.hash:
        raise VocabularyMismatchError(tokenizer.vocabulary.hash, vocabulary.hash)
    entity = tokenizer.schema.entity
    splits = folder.manifest.splits
    # a small folder may have no test entities
    split = next((name for name in ("test", "validation", "train") if splits.get(name, {}).get("entities")), None)
    if split is None:
        raise ArtifactError(str(folder.folder), "holds no streams")
    report("reading histories", 0, None)
    rows = choose_rows(folder, entity, split, entities)
    seen = choose_rows(folder, entity, "train", COMPARED)
    model = load_model(record.folder, device)
    report("ranking", 0, None)
    ranks = rank_parts(model, *fit_block(model, rows.ids[:RANKED], rows.starts[:RANKED]))
    report("drawing the map", 0, None)
    drawn = draw_map(model, folder, tokenizer, rows, _choose_probe_rows(folder, entity, split, entities))
    report("predicting", 0, None)
    predictions = predict_events(model, tokenizer, rows, PREDICTIONS)
    report("generating", 0, None)
    generated = _generate(model, tokenizer, rows, seen, record.has_new_entities and split != "train")
    return _HeldOut(
        split,
        rows,
        predictions,
        rank_table(ranks),
        calibration_figure(ranks),
        None if isinstance(drawn, str) else drawn,
        f"There is no map: {drawn}." if isinstance(drawn, str) else "",
        generated,
        np.array([len(starts) for starts in rows.starts], np.int64),
    )


def _report_nothing(stage: str, done: int, total: int | None) -> None:
    """The progress that nobody looks at."""


def _choose_probe_rows(folder: EncodedFolder, entity: Sequence[str], split: str, entities: int) -> ChosenRows:
    """The histories that a probe is fitted on: as many of training and of validation as the map has."""
    found = ChosenRows([], [], [], [], [], {})
    for name in ("train", "validation"):
        more = choose_rows(folder, entity, name, entities) if name != split else None
        if more:
            found = found.join(more) if found else more
    return found


def _generate(
    model: TokenModel | EventModel, tokenizer: DomainTokenizer, rows: ChosenRows, seen: ChosenRows, is_new: bool
) -> GeneratedReport | str:
    """As many events as half of the held-out histories have, but at most ten."""
    lengths = [len(starts) for starts in rows.starts]
    events = max(2, min(GENERATED_EVENTS, int(np.median(lengths))))
    return compare_generated(model, tokenizer, rows, seen, GENERATED, events, is_new)
