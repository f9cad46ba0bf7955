"""Tokens an event with and without composites in the ecommerce domain: on its simulated sample, and on your rows.

    python benchmarks/composites_ecommerce.py [--events 200000] [FILE]

Fits on the training entities (80% by a hash of the key), segments all of them greedily, and writes the table and its
figure into domains/ecommerce/. FILE is a REES46 file; its unreadable rows are skipped.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

import domaintoolkit as dt
from domaintoolkit.composite import share_emitted
from domaintoolkit.jobs import fit
from domaintoolkit.reading import Quarantine, open_source, read_sample

HOME = Path(__file__).parent.parent / "domains" / "ecommerce"
MERGES = (0, 1_000, 4_000, 16_000)
COLUMNS = ("rows", "composites", "asked for", "learned", "tokens an event", "ever emitted", "tokens a history")


def read_rows(file: str, domain: dt.Domain) -> pa.Table:
    """The readable rows of a file."""
    with Quarantine(Path("refused.csv")) as quarantine:
        table = pa.Table.from_batches(
            [batch.records for batch in open_source([file], domain.reader).batches(None, quarantine)]
        )
        quarantine.discard()
    return table


def measure(name: str, table: pa.Table, schema: dt.Schema, across: bool) -> Iterator[dict[str, Any]]:
    """One line for each number of merges; the first is for base tokens alone."""
    most = dt.Composite(vocabulary_size=MERGES[-1], across_events=across, min_weight=0.0)
    base = fit(schema, table).tokenizer
    streams = base.encode(table)
    for merges in MERGES:
        tokenizer = fit(replace(schema, composite=replace(most, vocabulary_size=merges)), table).tokenizer
        made = tokenizer.encode(table).composites() if merges else streams
        learned = 0 if tokenizer.composites is None else len(tokenizer.composites)
        emitted = f"{share_emitted(tokenizer.composites, made.ids):.1%}" if tokenizer.composites else "-"
        yield dict(
            zip(
                COLUMNS,
                (
                    name, "across events" if across else "within events", merges, learned,
                    f"{len(made.ids) / made.events:.2f}", emitted, f"{len(made.ids) / len(made):.1f}",
                ),
                strict=True,
            )
        )  # fmt: skip


def draw(lines: list[dict[str, Any]]) -> None:
    """Tokens an event against composites asked for."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "domaintoolkit"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    for key in dict.fromkeys((line["rows"], line["composites"]) for line in lines):
        own = [line for line in lines if (line["rows"], line["composites"]) == key]
        axes.plot(
            [line["asked for"] for line in own],
            [float(line["tokens an event"]) for line in own],
            "o-",
            label=", ".join(key),
        )
    axes.set(
        xlabel="composites asked for", ylabel="tokens an event", ylim=(0, None), title="ecommerce: greedy segmentation"
    )
    axes.set_xscale("symlog", linthresh=1_000)
    axes.set_xticks(MERGES, [f"{merges:,}" for merges in MERGES])
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.3)
    figure.savefig(HOME / "composites.svg", metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?")
    parser.add_argument("--events", type=int, default=200_000)
    given = parser.parse_args()
    domain = dt.get_domain("ecommerce")
    tables = {f"simulated, {given.events:,} events": read_sample(domain, given.events).read_all()}
    if given.file:
        table = read_rows(given.file, domain)
        tables[f"REES46, {len(table):,} events"] = table
    lines = [
        line
        for name, table in tables.items()
        for across in (False, True)
        for line in measure(name, table, domain.schema, across)
    ]
    with (HOME / "composites.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    draw(lines)
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    for line in lines:
        print(
            "| " + " | ".join(f"{value:,}" if isinstance(value, int) else str(value) for value in line.values()) + " |"
        )


if __name__ == "__main__":
    main()
