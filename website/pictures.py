"""The pictures of the pages, drawn from simulated samples: `python website/pictures.py` writes docs/pictures/*.svg."""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from drawing import Canvas, chip_width

import domaintoolkit as dt

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "examples" / "bike_share"))

EVENTS = 6_000
FIELDS = {"event_type": 1, "category_code": 2, "brand": 3, "product_id": 4, "price": 5, "event_time": 6}
"""The colour of each field of the shop."""
BUCKET = re.compile(r" ([\d.]+?)(?:\.\.([\d.]+))?\]$")


@cache
def shop(events: int = EVENTS) -> tuple[pa.Table, dt.DomainTokenizer, dt.Streams]:
    """The simulated shop, encoded."""
    domain = dt.get_domain("ecommerce")
    table = pa.Table.from_batches(list(domain.sample(events, 0)))
    tokenizer = dt.DomainTokenizer(domain.schema).fit(table)
    return table, tokenizer, tokenizer.encode(table)


@cache
def bank() -> tuple[pa.Table, dt.DomainTokenizer, dt.Streams]:
    """The simulated bank accounts, encoded."""
    domain = dt.get_domain("finance")
    table = pa.Table.from_batches(list(domain.sample(4_000, 0)))
    tokenizer = dt.DomainTokenizer(domain.schema).fit(table)
    return table, tokenizer, tokenizer.encode(table)


def fit_one(field: Any, values: Sequence[Any]) -> tuple[dt.DomainTokenizer, Callable[[Any], list[str]]]:
    """A tokenizer of one field, and a function from a value to its tokens."""
    tokenizer = dt.DomainTokenizer(dt.Schema(entity="who", fields=[field]))
    tokenizer.fit({"who": [0] * len(values), field.name: list(values)})

    def tokens(value: Any) -> list[str]:
        ids = tokenizer.encode_entity([{field.name: value}]).tolist()
        return [name for name in (tokenizer.vocabulary.names[number] for number in ids) if name != "[BOS]"]

    return tokenizer, tokens


def field_of(token: str) -> str | None:
    """The field of the shop that a token belongs to."""
    return next((name for name in FIELDS if token.startswith((f"[{name}=", f"[{name} "))), None)


def coloured(tokens: Sequence[str]) -> list[tuple[str, int]]:
    """Tokens with the colours of their fields; the bytes of a spelled value have that of the token before."""
    colours, last = [], 0
    for token in tokens:
        name = field_of(token)
        last = FIELDS[name] if name else 0 if token.startswith(("[BOS", "[anchor", "[SESSION")) else last
        colours.append((token, last))
    return colours


def place_in_event(token: str) -> tuple[int, bool]:
    """The place of a token in the events of the shop: by field, the levels of a path after its beginning."""
    return FIELDS.get(field_of(token) or "", 0), " ." in token


def draw_row() -> str:
    """One row of the shop becomes tokens, and these become ids."""
    table, tokenizer, streams = shop()
    rows = tokenizer.decode(streams).to_pylist()
    k = next(k for k, row in enumerate(rows) if k and row["brand"] and "." in (row["category_code"] or "")
             and row["user_id"] == rows[k - 1]["user_id"])  # fmt: skip
    begin, end = (int(streams.event_starts[k]), int(streams.event_starts[k + 1]))
    names = [tokenizer.vocabulary.names[number] for number in streams.ids[begin:end].tolist()]
    ids = streams.ids[begin:end].tolist()
    if names[0] == "[SESSION]":
        names, ids = names[1:], ids[1:]
    source = next(row for row in table.filter(pa.compute.equal(table["user_id"], rows[k]["user_id"])).to_pylist()
                  if row["product_id"] == rows[k]["product_id"] or row["brand"] == rows[k]["brand"])  # fmt: skip
    canvas, y = Canvas(), 46.0
    canvas.text(8, 20, "a row of the table", "strong")
    canvas.text(252, 20, "its tokens", "strong")
    canvas.text(632, 20, "their ids", "strong", "end")
    for name, colour in FIELDS.items():
        value = source[name]
        shown = value.strftime("%Y-%m-%d %H:%M:%S") if name == "event_time" else str(value)
        mine = [(token, number) for token, number in zip(names, ids, strict=True) if field_of(token) == name]
        top = y - 16
        canvas.box(8, top, 196, 40, f"var(--c{colour})")
        canvas.text(16, top + 16, name, "small quiet")
        canvas.text(16, top + 32, shown if len(shown) < 26 else shown[:25] + "…", "mono")
        canvas.arrow(208, top + 20, 244, top + 20)
        bottom = canvas.chips(252, top + (9 if len(mine) == 1 else 0), [(token, colour) for token, _ in mine], 290)
        canvas.text(632, top + 24, " ".join(str(number) for _, number in mine), "mono", "end")
        y = max(y + 50, bottom + 26)
    canvas.text(8, y - 4, "and back: the tokens decode to the row, the price as a price seen in its bucket", "quiet")
    return canvas.svg("A row of a table becomes tokens, and the tokens become ids")


def draw_pipeline() -> str:
    """From files to models."""
    canvas = Canvas()
    steps = (
        ("files", "CSV, Parquet, Arrow, JSON lines, Excel", "", 0),
        ("reader", "columns, types, spellings; refused rows with their reasons", "encode", 1),
        ("fit", "each encoder counts the values of its field, on the training entities", "encode, fit", 2),
        ("tokenizer", "encoders, vocabulary, composites: a folder of plain files", "inspect", 2),
        ("encode", "rows grouped by entity, in the order of time, as token ids", "encode", 2),
        ("shards", "a folder of Arrow files with a manifest and checksums", "verify, drift, export", 3),
        ("windows", "histories cut and packed into blocks of equal length", "train", 4),
        ("model", "predicts the next event from all before it", "train", 4),
        (
            "use",
            "embeddings, predictions, generated histories, reports",
            "embed, finetune, predict, evaluate, generate, report",
            5,
        ),
    )
    y = 8.0
    for k, (name, text, commands, colour) in enumerate(steps):
        canvas.box(8, y, 112, 38, f"var(--c{colour})")
        canvas.text(64, y + 24, name, "strong", "middle")
        canvas.text(136, y + (17 if commands else 24), text)
        if commands:
            canvas.text(136, y + 33, commands, "mono quiet")
        if k + 1 < len(steps):
            canvas.arrow(64, y + 38, 64, y + 53)
        y += 54
    return canvas.svg("The steps from files to models, with the commands of each")


def draw_stream() -> str:
    """The parts of a stream."""
    _, _, streams = bank()
    names = streams.tokens(0)
    starts = streams.event_starts[streams.event_offsets[0] : streams.event_offsets[1]].tolist()
    canvas = Canvas()
    rows = (
        ("begins the history", names[:1], 0),
        (
            "static fields, once",
            [name for name in names[1:5] if not name.startswith("[anchor")],
            4,
        ),
        ("anchor: date of the first event", [name for name in names if name.startswith("[anchor")], 1),
        ("first event", names[starts[0] : starts[1]], 2),
        ("second event", names[starts[1] : starts[2]], 3),
    )
    y = 24.0
    for text, tokens, colour in rows:
        canvas.text(8, y, text, "quiet")
        y = canvas.chips(8, y + 8, [(token, colour) for token in tokens], 624) + 24
    canvas.text(8, y, "… and so on; a parser needs nothing but the ids, and reads them in one way only", "quiet")
    return canvas.svg("A stream: beginning, static fields, anchor, and the tokens of each event")


def draw_models() -> str:
    """The positions of a token model and of an event model."""
    canvas = Canvas()
    parts = (("view", 1), ("electronics", 2), ("noden", 3), ("60.6..62", 5), ("Tue", 6), ("4h", 6))
    short = (("cart", 1), ("electronics", 2), ("noden", 3), ("60.6..62", 5), ("Tue", 6), ("4h", 6))
    canvas.text(8, 20, "token model: one position a token, and each predicts the next token", "strong")
    for row, event in enumerate((parts, short)):
        x, y = 8.0, 34.0 + row * 34
        for name, colour in event:
            x = canvas.chip(x, y, name, colour)
            canvas.arrow(x - 3, y + 11, x + 7, y + 11)
            x += 8
    canvas.text(8, 134, "event model: one position an event, and each predicts the parts of the next", "strong")
    for row, (event, label) in enumerate(((parts, "event 1"), (short, "event 2"))):
        y = 148.0 + row * 66
        width = sum(chip_width(name) for name, _ in event) + 5 * 5 + 16
        canvas.box(8, y, width, 36, "var(--wash)", "var(--line)")
        x = 16.0
        for name, colour in event:
            x = canvas.chip(x, y + 7, name, colour)
        canvas.text(width + 20, y + 23, label, "quiet")
        if row == 0:
            canvas.arrow(60, y + 38, 60, y + 62)
            canvas.text(72, y + 54, "then cart, given that electronics, given both noden, …", "quiet")
    canvas.text(8, 282, "12 positions against 2: a block holds longer histories, and a step is cheaper", "quiet")
    return canvas.svg("A token model has one position a token, an event model one an event")


def bars(canvas: Canvas, counts: Sequence[float], x: float, y: float, width: float, height: float) -> None:
    """A histogram with its base at `y`."""
    top, step = max(counts) or 1, width / len(counts)
    for k, count in enumerate(counts):
        tall = height * count / top
        if tall:
            canvas.box(x + k * step, y - tall, max(step - 0.6, 0.4), tall, "var(--bar)", round=0)
    canvas.line([(x, y), (x + width, y)], "var(--quiet)")


def draw_categorical() -> str:
    """Frequent values have tokens, the others are spelled."""
    table, _, _ = shop()
    values = [value for value in table["brand"].to_pylist() if value is not None]
    counts = Counter(values).most_common()
    tokenizer, tokens = fit_one(dt.Categorical("brand", max_size=24), values)
    shown, canvas = counts[:60], Canvas()
    canvas.text(8, 18, "brands by frequency; with max_size = 24 the first 24 become tokens", "strong")
    width, kept = 10.2, 24
    for k, (_, count) in enumerate(shown):
        tall = 110 * count / shown[0][1]
        canvas.box(12 + k * width, 150 - tall, width - 1.6, tall, "var(--bar)" if k < kept else "var(--line)", round=0)
    canvas.line([(8, 150), (630, 150)], "var(--quiet)")
    edge = 12 + kept * width - 0.8
    canvas.line([(edge, 36), (edge, 158)], "var(--mark)", 1.4, "4 3")
    share = sum(count for _, count in counts[:kept]) / len(values)
    canvas.text(edge - 6, 46, f"{share:.0%} of the rows: one token each", "small", "end")
    canvas.text(edge + 6, 46, f"the other {len(counts) - kept:,} brands are spelled", "small")
    known, rare = shown[0][0], shown[40][0]
    y = 180.0
    for value, note in (
        (known, "frequent"),
        (rare, "known, but beyond max_size"),
        ("Žižkov", "never seen"),
        (None, "null"),
    ):
        canvas.text(12, y + 15, "null" if value is None else value, "mono")
        canvas.text(100, y + 15, note, "small quiet")
        canvas.chips(262, y, [(token, 3) for token in tokens(value)], 372)
        y += 54 if value == "Žižkov" else 30
    assert len(tokenizer.vocabulary) > kept
    return canvas.svg("Frequent brands have a token of their own; other brands are spelled in bytes")


def draw_path() -> str:
    """A path has tokens for its levels."""
    table, _, _ = shop()
    values = [value for value in table["category_code"].to_pylist() if value is not None]
    _, tokens = fit_one(dt.Categorical("category_code", separator="."), values)
    deepest = [value for value, _ in Counter(values).most_common() if value.count(".") == 2]
    sibling = next(value for value in deepest[1:] if value.split(".")[0] == deepest[0].split(".")[0])
    canvas, y = Canvas(), 8.0
    for value in (deepest[0], sibling, deepest[0].split(".")[0]):
        canvas.text(8, y + 15, value, "mono")
        y = canvas.chips(24, y + 24, [(token, 2) for token in tokens(value)], 610) + 14
    canvas.text(8, y + 8, "the first two share their first token: a model learns about the level once", "quiet")
    return canvas.svg("A path has one token for each of its levels")


def edges_of(tokenizer: dt.DomainTokenizer, field: str) -> list[float]:
    """The lower edges of the buckets of a numeric field, and the last upper one."""
    pairs = [match.groups() for name in tokenizer.vocabulary.names
             if name.startswith(f"[{field} ") and (match := BUCKET.search(name))]  # fmt: skip
    edges = sorted({float(text) for pair in pairs for text in pair if text})
    return [edge for edge in edges if edge > 0]


def draw_bins() -> str:
    """The buckets of three strategies over the same prices."""
    table, _, _ = shop()
    values = np.array([value for value in table["price"].to_pylist() if value])
    canvas, y = Canvas(), 18.0
    low, high = values.min(), np.quantile(values, 0.995)
    for strategy, text in (
        ("quantile", "equally many rows in each: narrow where prices are frequent"),
        ("log", "equally wide in proportion: 10 to 20 as 100 to 200"),
        ("uniform", "equally wide in money"),
    ):
        tokenizer, tokens = fit_one(dt.Numeric("price", bins=16, strategy=strategy), values.tolist())
        canvas.text(8, y, f'strategy = "{strategy}"', "mono strong")
        canvas.text(190, y, text, "quiet")
        base = y + 92
        counts, _ = np.histogram(values, bins=120, range=(low, high))
        bars(canvas, counts.tolist(), 12, base, 616, 76)
        for edge in edges_of(tokenizer, "price"):
            if edge <= high:
                x = 12 + 616 * (edge - low) / (high - low)
                canvas.line([(x, base - 78), (x, base + 6)], "var(--mark)", 1)
        for price in (25, 120, 480):
            canvas.line(
                [
                    (12 + 616 * (price - low) / (high - low), base + 6),
                    (12 + 616 * (price - low) / (high - low), base + 12),
                ]
            )
        at = 12.0
        for price in (25.0, 120.0, 480.0):
            canvas.text(at, base + 32, f"{price:g}", "mono")
            canvas.chip(at + 34, base + 17, tokens(price)[0], 5)
            at += 206
        y = base + 66
    return canvas.svg("Prices of a simulated shop, and the edges of 16 buckets by quantile, on a log scale and uniform")


def draw_refine() -> str:
    """A sign and a second token."""
    table, _, _ = bank()
    values = [value for value in table["amount"].to_pylist() if value is not None]
    canvas, y = Canvas(), 8.0
    rows = (
        ("bins = 16", dt.Numeric("amount", bins=16)),
        ("bins = 16, sign = true", dt.Numeric("amount", bins=16, sign=True, strategy="log")),
        ("bins = 16, sign = true, refine = 8", dt.Numeric("amount", bins=16, sign=True, refine=8, strategy="log")),
    )
    for text, field in rows:
        tokenizer, tokens = fit_one(field, values)
        again = tokenizer.decode(tokenizer.encode({"who": [0], "amount": [-61.3]}))["amount"][0].as_py()
        canvas.text(8, y + 15, text, "mono")
        canvas.chips(24, y + 24, [("-61.3", 0)], 80)
        canvas.arrow(86, y + 35, 110, y + 35)
        x = 118.0
        for token in tokens(-61.3):
            x = canvas.chip(x, y + 24, token, 5)
        canvas.arrow(x, y + 35, x + 24, y + 35)
        canvas.text(x + 32, y + 39, f"{again:g}", "mono")
        y += 62
    canvas.text(8, y + 8, "the value at the right is what the tokens decode to", "quiet")
    return canvas.svg("An amount with a sign token and with a second token that splits its bucket")


def draw_time() -> str:
    """The tokens of a time."""
    table, _, _ = shop()
    schema = dt.Schema(entity="user_id", time="event_time", fields=[dt.Timestamp("event_time")])
    tokenizer = dt.DomainTokenizer(schema).fit(table)
    rows = [{"event_time": at} for at in ("2019-10-23T14:05:10Z", "2019-10-23T14:06:18Z", "2019-10-27T09:30:00Z")]
    names = [tokenizer.vocabulary.names[number] for number in tokenizer.encode_entity(rows).tolist()]
    canvas = Canvas()
    canvas.text(8, 20, "the anchor, once: the date of the first event", "quiet")
    canvas.chips(8, 30, [(name, 1) for name in names if name.startswith("[anchor")], 620)
    y = 84.0
    groups: list[list[str]] = []
    for name in names:
        if name.startswith("[event_time delta"):
            groups.append([])
        if name.startswith("[event_time") and groups:
            groups[-1].append(name)
    for row, tokens in zip(rows, groups, strict=True):
        canvas.text(8, y, row["event_time"].replace("T", " ").removesuffix("Z"), "mono")
        canvas.chips(8, y + 8, [(token, 6) for token in tokens], 630)
        y += 58
    canvas.text(8, y, "the delta says how long after the event before it was, weekday and hour say when", "quiet")
    return canvas.svg("Three times as tokens: the time since the previous event, weekday and hour")


def draw_deltas() -> str:
    """Times since the previous event, in log-spaced buckets."""
    table, tokenizer, _ = shop()
    ordered = table.sort_by([("user_id", "ascending"), ("event_time", "ascending")])
    users, times = ordered["user_id"].to_numpy(), ordered["event_time"].cast(pa.int64()).to_numpy()
    gaps = (np.diff(times) / 1e6)[users[1:] == users[:-1]]
    gaps = gaps[gaps >= 1]
    canvas = Canvas()
    canvas.text(8, 18, "seconds since the previous event, on a log scale, and the edges of the buckets", "strong")
    low, high = 0.0, math.log10(80 * 86400)
    counts, _ = np.histogram(np.log10(gaps), bins=90, range=(low, high))
    bars(canvas, counts.tolist(), 12, 150, 616, 110)
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    for name in tokenizer.vocabulary.names:
        match = re.fullmatch(r"\[event_time delta ([\da-z.]+)\.\.[\da-z.]+\]", name)
        if match:
            seconds = sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)([smhd])", match[1]))
            x = 12 + 616 * (math.log10(seconds) - low) / (high - low)
            canvas.line([(x, 36), (x, 156)], "var(--mark)", 1)
    for text, seconds in (
        ("1s", 1),
        ("10s", 10),
        ("1m", 60),
        ("10m", 600),
        ("1h", 3600),
        ("10h", 36000),
        ("1d", 86400),
        ("8d", 691200),
        ("60d", 5184000),
    ):
        canvas.text(
            12 + 616 * (math.log10(seconds) - low) / (high - low),
            172,
            text,
            "small quiet",
            "middle" if seconds > 1 else "start",
        )
    return canvas.svg("The time since the previous event in log-spaced buckets")


def draw_text() -> str:
    """Texts as pieces."""
    table, _, _ = bank()
    values = [value for value in table["description"].to_pylist() if value]
    _, tokens = fit_one(dt.Text("description", vocabulary_size=400), values)
    frequent = Counter(values).most_common(60)
    canvas, y = Canvas(), 8.0
    for value in (frequent[0][0], max((text for text, _ in frequent), key=len), "CAFÉ ZÜRICH 12", ""):
        canvas.text(8, y + 15, f'"{value}"', "mono")
        shown = [
            token.removeprefix("[description ").removesuffix("]") if '"' in token else token for token in tokens(value)
        ]
        y = canvas.chips(24, y + 24, [(token, 2) for token in shown], 610) + 14
    canvas.text(
        8, y + 6, "frequent words are one piece and rare ones several; a letter without a piece is its bytes", "quiet"
    )
    return canvas.svg("Descriptions of bank transactions as pieces of byte-pair encoding")


def draw_composite() -> str:
    """A composite and its parts."""
    from dataclasses import replace

    domain = dt.get_domain("ecommerce")
    table, _, _ = shop()
    schema = replace(domain.schema, composite=dt.Composite(vocabulary_size=150, min_weight=2.0))
    tokenizer = dt.DomainTokenizer(schema).fit(table)
    model = tokenizer.composites
    assert model is not None
    names = tokenizer.vocabulary.names
    order = np.argsort(-model.counts, kind="stable").tolist()
    pieces = {k: [names[part.token] for part in model.pieces[k]] for k in order}
    one = next(k for k in order if len(pieces[k]) == 2)
    three = next(k for k in order if 3 <= len(pieces[k]) <= 4 and sum(map(len, pieces[k])) < 90)
    canvas, y = Canvas(), 8.0
    for k in (one, three):
        canvas.text(8, y + 15, f"{model.counts[k]:,} times in {EVENTS:,} events", "quiet")
        y = canvas.chips(24, y + 24, coloured(sorted(pieces[k], key=place_in_event)), 610) + 6
        canvas.arrow(40, y, 40, y + 18)
        canvas.text(54, y + 14, "one token instead of " + str(len(pieces[k])), "small quiet")
        y += 24
        canvas.box(24, y, 592, 24, "var(--wash)", "var(--line)")
        text = names[model.ids[k]]
        canvas.text(32, y + 16, text if len(text) < 80 else text[:79] + "…", "mono")
        y += 42
    return canvas.svg("Two composites that were learned on the simulated shop, and the tokens that each replaces")


def draw_custom() -> str:
    """A plugin's encoder: a compass."""
    import bike_share
    from bike_share.compass import CompassEncoder

    from domaintoolkit.registry import build_manager, get_domain

    domain = get_domain("bikes", build_manager([bike_share]))
    values = [value for batch in domain.sample(800, 0) for value in batch["heading"].to_pylist() if value is not None]
    encoder = CompassEncoder(dt.Custom("heading", encoder="compass", options={"sectors": 8}))
    sectors, width = 8, 45.0
    counts = Counter(round(value % 360 / width) % sectors for value in values if math.isfinite(value))
    canvas, cx, cy, most = Canvas(), 150.0, 150.0, max(counts.values())
    for sector in range(sectors):
        radius = 30 + 90 * counts[sector] / most
        low, high = (math.radians(sector * width + side) for side in (-width / 2 + 1, width / 2 - 1))
        a, b = (
            (cx + radius * math.sin(low), cy - radius * math.cos(low)),
            (cx + radius * math.sin(high), cy - radius * math.cos(high)),
        )
        canvas.shape(
            f"M{cx:.1f} {cy:.1f}L{a[0]:.1f} {a[1]:.1f}A{radius:.1f} {radius:.1f} 0 0 1 {b[0]:.1f} {b[1]:.1f}Z",
            f"var(--c{sector % 6 + 1})",
        )
        middle = math.radians(sector * width)
        canvas.text(
            cx + 138 * math.sin(middle),
            cy - 132 * math.cos(middle) + 4,
            f"{sector * width:g}°",
            "small quiet",
            "middle",
        )
    canvas.text(320, 30, "headings of rides, in 8 sectors", "strong")
    y = 48.0
    for value in (3.0, 92.5, 350.0, None):
        code = encoder.encode(pa.array([value], pa.float64())).parts[0]
        slot = int(code.slots[code.codes[0]])
        canvas.text(320, y + 15, "null" if value is None else f"{value:g}°", "mono")
        canvas.arrow(370, y + 11, 392, y + 11)
        canvas.chip(400, y, f"[heading{encoder.slots[slot].text}]", (slot - 2) % 6 + 1 if slot > 1 else 0)
        y += 32
    canvas.text(320, y + 14, "3° and 350° are the same token:", "quiet")
    canvas.text(320, y + 32, "numeric buckets would part them", "quiet")
    canvas.bottom = max(canvas.bottom, 300)
    return canvas.svg("Headings of rides as sectors of a compass")


def draw_unigram_of_overview() -> str:
    """Each encoder in a line."""
    canvas, y = Canvas(), 8.0
    rows = (
        ("Categorical", "a brand, a country", "samsung", ["[brand=samsung]"], 3),
        ("Path", "a category, by level", "electronics.audio", ["[category=electronics]", "[category .1=audio]"], 2),
        ("Numeric", "a price", "33.90", ["[price 32.3..33.9]"], 5),
        ("Timestamp", "a time", "2019-10-23 14:05", ["[at delta 1m..2m]", "[at weekday=Wed]", "[at hour=14]"], 6),
        ("Text", "a description", "CARD REFUND", ['["CARD"]', '[" REF"]', '["UND"]'], 1),
        ("Custom", "your own kind", "92.5°", ["[heading=90°]"], 4),
    )
    for name, kind, value, tokens, colour in rows:
        canvas.text(8, y + 15, name, "strong")
        canvas.text(8, y + 32, kind, "small quiet")
        canvas.text(142, y + 23, value, "mono")
        canvas.arrow(282, y + 19, 304, y + 19)
        canvas.chips(312, y + 8 if len(tokens) < 3 or colour != 6 else y, [(token, colour) for token in tokens], 326)
        y += 50 if len(tokens) < 3 else 62
    return canvas.svg("Each encoder, a value, and its tokens")


PICTURES: dict[str, Callable[[], str]] = {
    "row": draw_row,
    "pipeline": draw_pipeline,
    "stream": draw_stream,
    "models": draw_models,
    "encoders": draw_unigram_of_overview,
    "categorical": draw_categorical,
    "path": draw_path,
    "bins": draw_bins,
    "refine": draw_refine,
    "time": draw_time,
    "deltas": draw_deltas,
    "text": draw_text,
    "composite": draw_composite,
    "custom": draw_custom,
}

if __name__ == "__main__":
    for wanted in sys.argv[1:] or PICTURES:
        (ROOT / "docs" / "pictures" / f"{wanted}.svg").write_text(PICTURES[wanted](), encoding="utf-8")
