"""What `encode` says at its end: as one object for programs, and as text for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from domaintoolkit.cli.output import percent, show_notes
from domaintoolkit.report import Screen, counted, first_stream
from domaintoolkit.streams import Counts

if TYPE_CHECKING:
    from domaintoolkit.jobs import EncodeResult, FitResult
    from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["encoding_summary", "show_encoding"]

SPLITS = ("train", "validation", "test")
COUNTED = ("spelled", "hashed", "clipped", "missing")
FIRST_EVENTS = 3


def encoding_summary(
    result: EncodeResult, tokenizer: DomainTokenizer, fitted: FitResult | None, sample: bool, appended: bool = False
) -> dict[str, Any]:
    """Counts of rows, values and tokens, of all that the folder holds. `spelled` to `missing` count values."""
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
        "tokens_per_event": _rate(tokens, events),
        "base_tokens_per_event": _rate(totals["tokens"], events),
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


def _rate(tokens: int, events: int) -> float:
    return round(tokens / events, 4) if events else 0.0


def _notes(result: EncodeResult, fitted: FitResult | None) -> list[str]:
    notes = list(result.notes)
    if fitted is not None and fitted.fitted_on == "all":
        notes.append("no entity belongs to the training split, so the tokenizer was fitted on all of them")
    if result.resumed:
        notes.append(f"{result.resumed} shards were finished by an earlier run")
    return notes


def show_encoding(data: dict[str, Any], screen: Screen | None = None) -> None:
    """Print the summary, and the first stream in readable tokens."""
    screen = screen or Screen()
    events = data["events"]
    splits = ", ".join(f"{name} {each['entities']:,}" for name, each in data["splits"].items())
    screen.facts([
        ("entities", f"{data['entities']:,} ({splits})"),
        ("events", f"{events:,}" + (" simulated" if data["simulated"] else "")),
        ("tokens", f"{data['tokens']:,}, {data['tokens_per_event']:.2f} an event"),
        *([("base tokens", _base(data))] if data["composites"] else []),
        ("vocabulary", _vocabulary(data)),
        ("rows in", f"{data['rows_in']:,}"),
        ("rows refused", _refused(data)),
        *([("appended", _added(data["appended"]))] if data["appended"] else []),
        *([("rows left out", _left_out(data))] if data["rows_left_out"] else []),
    ])  # fmt: skip
    screen.line()
    rows = [(name, *(percent(each[word], each["values"]) for word in COUNTED)) for name, each in data["fields"].items()]
    rows.append(("all values", *(percent(data[word], data["values"]) for word in COUNTED)))
    screen.table(("field", *COUNTED), rows)
    _show_first(data, screen)
    show_notes(screen, data["notes"])
    screen.line(f"written to {data['out']}; look at it with: domaintoolkit inspect {data['out']}")


def _base(data: dict[str, Any]) -> str:
    return f"{data['base_tokens']:,}, {data['base_tokens_per_event']:.2f} an event; these are stored"


def _vocabulary(data: dict[str, Any]) -> str:
    composites = f", {data['composites']:,} of them composites" if data["composites"] else ""
    return f"{data['vocabulary_size']:,} tokens{composites}"


def _refused(data: dict[str, Any]) -> str:
    where = f", in {data['refused_file']}" if data["refused_file"] else ""
    return f"{data['rows_refused']:,}{where}"


def _added(counts: dict[str, int]) -> str:
    return f"{counted(counts['rows_in'], 'row')}, {counts['rows_refused']:,} of them refused"


def _left_out(data: dict[str, Any]) -> str:
    return f"{data['rows_left_out']:,}, of {data['entities_left_out']:,} entities all"


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
        screen.line(f"the first stream, {key}:")
        screen.history(history)
        screen.line()
