"""The summary of `encode`, as one object for programs and as text for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from domaintoolkit.report import Screen, first_stream, percent, pluralize
from domaintoolkit.streams import Counts

if TYPE_CHECKING:
    from domaintoolkit.jobs import EncodeResult, FitResult
    from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["show_encoding", "summarize_encoding"]

SPLITS = ("train", "validation", "test")
COUNTED = ("spelled", "hashed", "clipped", "missing")
FIRST_EVENTS = 3


def summarize_encoding(
    result: EncodeResult, tokenizer: DomainTokenizer, fitted: FitResult | None, sample: bool, appended: bool = False
) -> dict[str, Any]:
    """Counts of the rows, values and tokens of the whole folder. `spelled` to `missing` count values."""
    from domaintoolkit.jobs import count_segmented
    from domaintoolkit.storage import open_encoded

    totals, counts = result.manifest.totals, Counts(**result.manifest.counts)
    events, entities = totals["events"], totals["entities"]
    statics = {spec.name for spec in tokenizer.schema.static}
    fields = {name: {"values": entities if name in statics else events, **each} for name, each in counts.fields.items()}
    composites = 0 if tokenizer.composites is None else len(tokenizer.composites)
    tokens = count_segmented(open_encoded(result.folder, verify=False), tokenizer)
    return {
        "out": str(result.folder),
        **totals,
        "tokens": tokens,
        "base_tokens": totals["tokens"],
        "tokens_per_event": _per_event(tokens, events),
        "base_tokens_per_event": _per_event(totals["tokens"], events),
        "composites": composites,
        "vocabulary_size": len(tokenizer.vocabulary),
        "vocabulary_hash": tokenizer.vocabulary.hash,
        "values": sum(each["values"] for each in fields.values()),
        **{word: getattr(counts, word) for word in COUNTED},
        "fields": fields,
        "rows_in": counts.rows_in,
        "rows_refused": counts.rows_refused,
        "rows_left_out": counts.rows_left_out,
        "entities_left_out": counts.entities_left_out,
        "refused_file": None if result.quarantine is None else str(result.quarantine),
        "splits": {name: result.manifest.splits[name] for name in SPLITS},
        "shards": len(result.manifest.shards),
        "simulated": sample,
        "appended": {"rows_in": result.counts.rows_in, "rows_refused": result.counts.rows_refused}
        if appended
        else None,
        "notes": _notes(result, fitted),
    }


def _per_event(tokens: int, events: int) -> float:
    return round(tokens / events, 4) if events else 0.0


def _notes(result: EncodeResult, fitted: FitResult | None) -> list[str]:
    notes = list(result.notes)
    if fitted is not None and fitted.fitted_on == "all":
        notes.append("the training split has no entities, so the tokenizer was fitted on all entities")
    if fitted is not None and fitted.composites_cut:
        notes.append(tell_cut(fitted.composite_entities))
    if result.resumed:
        notes.append(f"{pluralize(result.resumed, 'shard')} kept from an earlier run")
    return notes


def tell_cut(entities: int) -> str:
    """A note that composites were learned from so many entities, fewer than they could be."""
    count = pluralize(entities, "entity", "entities")
    return f"the composites were learned from {count}, since more do not fit into the memory limit; raise --memory"


def show_encoding(data: dict[str, Any], screen: Screen | None = None) -> None:
    """Print the summary, and the first stream in readable tokens."""
    screen = screen or Screen()
    events = data["events"]
    splits = ", ".join(f"{name} {each['entities']:,}" for name, each in data["splits"].items())
    screen.facts([
        ("entities", f"{data['entities']:,} ({splits})"),
        ("events", f"{events:,}" + (" simulated" if data["simulated"] else "")),
        ("tokens", f"{data['tokens']:,}, {data['tokens_per_event']:.2f} per event"),
        *([("base tokens", _format_base(data))] if data["composites"] else []),
        ("vocabulary", _format_vocabulary(data)),
        ("rows in", f"{data['rows_in']:,}"),
        ("rows refused", _format_refused(data)),
        *([("appended", _format_appended(data["appended"]))] if data["appended"] else []),
        *([("rows left out", _format_left_out(data))] if data["rows_left_out"] else []),
    ])  # fmt: skip
    screen.line()
    rows = [(name, *(percent(each[word], each["values"]) for word in COUNTED)) for name, each in data["fields"].items()]
    rows.append(("all values", *(percent(data[word], data["values"]) for word in COUNTED)))
    screen.table(("field", *COUNTED), rows)
    _show_first(data, screen)
    for note in data["notes"]:
        screen.line(f"note: {note}")
    screen.line(f"written to {data['out']}; to look at it: domaintoolkit inspect {data['out']}")


def _format_base(data: dict[str, Any]) -> str:
    return f"{data['base_tokens']:,}, {data['base_tokens_per_event']:.2f} per event; the shards hold these"


def _format_vocabulary(data: dict[str, Any]) -> str:
    composites = f", {data['composites']:,} of them composites" if data["composites"] else ""
    return f"{data['vocabulary_size']:,} tokens{composites}"


def _format_refused(data: dict[str, Any]) -> str:
    file = f", in {data['refused_file']}" if data["refused_file"] else ""
    return f"{data['rows_refused']:,}{file}"


def _format_appended(counts: dict[str, int]) -> str:
    return f"{pluralize(counts['rows_in'], 'row')}, {counts['rows_refused']:,} of them refused"


def _format_left_out(data: dict[str, Any]) -> str:
    return f"{data['rows_left_out']:,}, all rows of {data['entities_left_out']:,} entities among them"


def _show_first(data: dict[str, Any], screen: Screen) -> None:
    from domaintoolkit.storage import open_encoded
    from domaintoolkit.tokenizer import DomainTokenizer

    folder = open_encoded(Path(data["out"]), verify=False)
    tokenizer = DomainTokenizer.load(folder.tokenizer_folder)
    stream = first_stream(folder, tokenizer.schema.entity)
    screen.line()
    if stream is not None:
        history = stream.history(tokenizer, FIRST_EVENTS)
        key = ", ".join(f"{name} {value}" for name, value in history.entity.items())
        screen.line(f"first stream, {key}:")
        screen.history(history)
        screen.line()
