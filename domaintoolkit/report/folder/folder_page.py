"""The page of an encoded folder, for readers who have never seen the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from domaintoolkit.jobs import Progress
from domaintoolkit.report.charts import Table
from domaintoolkit.report.chips import chips
from domaintoolkit.report.folder.chosen_rows import ChosenRows, choose_rows
from domaintoolkit.report.folder.field_summaries import (
    count_tokens,
    field_table,
    length_figure,
    value_figures,
    vocabulary_table,
)
from domaintoolkit.report.folder.packed_histories import pack_histories
from domaintoolkit.report.pages.template import RenderedPage, render_page
from domaintoolkit.schema import Categorical
from domaintoolkit.storage import EncodedFolder, open_encoded
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["folder_page"]

LEAD = (
    "Each history is what one entity did, event by event, written as tokens: small words, one or a few for each "
    "column of each event. A model reads these."
)
SECTIONS = (
    ("overview", "Overview"),
    ("fields", "Fields"),
    ("values", "Values"),
    ("vocabulary", "Vocabulary"),
    ("histories", "Histories"),
)


def folder_page(folder: str | Path, entities: int = 10_000, progress: Progress | None = None) -> RenderedPage:
    """A page of an encoded folder: fields, buckets, vocabulary, lengths, and up to `entities` histories.

    Raises `ArtifactError` if the folder is not a whole one.
    """
    encoded = open_encoded(folder)
    tokenizer = DomainTokenizer.load(encoded.tokenizer_folder)
    if progress is not None:
        progress("reading histories", 0, None)
    counts = count_tokens(encoded, len(tokenizer.vocabulary))
    rows = choose_rows(encoded, tokenizer.schema.entity, None, entities)
    lengths = _all_lengths(encoded)
    names = [name for name in ("train", "validation", "test") if name in encoded.manifest.splits]
    splits = [
        [name, *(encoded.manifest.splits[name][each] for each in ("entities", "events", "tokens"))] for name in names
    ]
    if progress is not None:
        progress("drawing", 0, None)
    values, length = value_figures(tokenizer, counts), [length_figure(lengths)] if len(lengths) else []
    page = render_page(
        "folder.html",
        ("page.js", "histories.js"),
        {"histories": pack_histories(tokenizer, rows)},
        title=f"{Path(folder).resolve().name}: histories of events as tokens",
        lead=LEAD,
        sections=SECTIONS,
        overview=_overview(encoded, tokenizer),
        notes=_notes(tokenizer),
        first=chips(tokenizer, rows.ids[0], most=60) if len(rows) else [],
        reading=_explain(tokenizer, rows),
        example=_first_field(tokenizer),
        splits=Table.of(("split", "entities", "events", "tokens"), splits),
        fields=field_table(tokenizer, encoded, counts),
        fields_lead="Spelled values have no token of their own and are written letter by letter; hashed ones share a "
        "token; clipped ones lie beyond the buckets. The effective tokens of a field are as many equally frequent "
        "ones as would be as hard to guess.",
        values=values,
        vocabulary=vocabulary_table(tokenizer, counts),
        vocabulary_lead="All tokens by the field that they belong to. Tokens that are not in use stand for values that "
        "the tokenizer knows and this folder does not hold.",
        lengths=length,
        splits_known=names,
        histories_lead=f"{len(rows):,} of {encoded.manifest.totals['entities']:,} histories are on this page. Search "
        "for a key or a token, and click a history to read it.",
        footer=f"Written by domaintoolkit report from {Path(folder).resolve().name}; vocabulary "
        f"{tokenizer.vocabulary.hash[:12]}.",
    )  # fmt: skip
    return RenderedPage(page, [*values, *length])


def _overview(encoded: EncodedFolder, tokenizer: DomainTokenizer) -> list[tuple[str, str]]:
    totals, known = encoded.manifest.totals, encoded.manifest.counts
    composites = 0 if tokenizer.composites is None else len(tokenizer.composites)
    return [
        ("entities", f"{totals['entities']:,}"),
        ("events", f"{totals['events']:,}"),
        ("tokens", f"{totals['tokens']:,}"),
        ("tokens an event", f"{totals['tokens'] / max(1, totals['events']):.2f}"),
        ("vocabulary", f"{len(tokenizer.vocabulary):,} tokens"),
        ("composites", f"{composites:,}"),
        ("rows read", f"{known.get('rows_in', totals['events']):,}"),
        ("rows refused", f"{known.get('rows_refused', 0):,}"),
    ]


def _explain(tokenizer: DomainTokenizer, rows: ChosenRows) -> str:
    """A guide to the tokens of the first history, by some of its own."""
    said = ["The beginning of the first history."]
    ids = rows.ids[0].tolist() if len(rows) else []
    tokens = [tokenizer.vocabulary.token(number) for number in ids[:60]]
    named = next((each for each in tokens if each.field is not None and "=" in each.name), None)
    if named is not None:
        _, _, value = named.name[1:-1].partition("=")
        said.append(f"{named.name} says that {named.name[1:-1].removesuffix(value).rstrip('=')} is {value}.")
    bucket = next((each for each in tokens if each.field is not None and ".." in each.name), None)
    if bucket is not None:
        low, _, high = bucket.name[1:-1].removeprefix(str(bucket.field)).strip().rpartition(" ")[2].partition("..")
        said.append(f"{bucket.name} says that a value of {bucket.field} lies in the bucket from {low} to {high}.")
    return " ".join(said)


def _first_field(tokenizer: DomainTokenizer) -> str:
    """The beginning of a token that can be searched for."""
    plain = [spec.name for spec in tokenizer.schema.fields if isinstance(spec, Categorical)]
    return f"{plain[0]}=" if plain else f"{tokenizer.schema.fields[0].name} "


def _notes(tokenizer: DomainTokenizer) -> list[str]:
    schema = tokenizer.schema
    order = f"in the order of {schema.time}" if schema.time else "in the order of their rows"
    found = [f"A history holds the events of one {', '.join(schema.entity)}, {order}."]
    if schema.has_sessions:
        found.append("A session token stands before the first event of each visit but the first.")
    return found


def _all_lengths(encoded: EncodedFolder) -> np.ndarray:
    counted = [np.diff(rows.event_offsets) for rows in encoded.streams()]
    return np.concatenate(counted).astype(np.int64) if counted else np.zeros(0, np.int64)
