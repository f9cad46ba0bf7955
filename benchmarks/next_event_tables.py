"""Published files as tables for `evaluate --next`, as docs/models/evidence.md uses them.

    python benchmarks/next_event_tables.py beauty Beauty.txt Beauty_item2attributes.json -o beauty
    python benchmarks/next_event_tables.py baskets baskets.csv.gz folds.csv.gz -o baskets
    python benchmarks/next_event_tables.py process bpic12.csv.gz folds.csv.gz -o bpic12

`beauty` reads a line a user, items in order, and writes all.parquet; an item is written `group/item`, and its group is
the commonest of its attributes (0 if it has none), so that a study can take the events of one group. `baskets` and
`process` write a column of splits. `process` adds an event `END` a second behind the last one of each case, and writes
for each of five folds a table of events (fold0.parquet) and one of labels, the days that remain after each event
(remaining0.parquet).
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd


def read_beauty(histories: Path, attributes: Path) -> pd.DataFrame:
    """A row an item: user, order, item."""
    listed = json.loads(attributes.read_text())
    counts = Counter(each for own in listed.values() for each in own)
    groups = {item: max(own, key=lambda each: counts[each], default=0) for item, own in listed.items()}
    rows = [line.split() for line in histories.read_text().splitlines()]
    triples = [
        (user, order, f"{groups.get(item, 0)}/{item}") for user, *items in rows for order, item in enumerate(items, 1)
    ]
    return pd.DataFrame(triples, columns=["user", "order", "item"])


def write_beauty(files: list[Path], out: Path) -> None:
    read_beauty(*files).to_parquet(out / "all.parquet")


def write_baskets(files: list[Path], out: Path) -> None:
    table = pd.read_csv(files[0])
    splits = pd.read_csv(files[1])[["user", "ordered"]].rename(columns={"ordered": "set"})
    table.merge(splits, on="user").to_parquet(out / "all.parquet")


def write_process(files: list[Path], out: Path) -> None:
    table = pd.read_csv(files[0], dtype=str)
    name = files[0].name.partition(".")[0]
    table["event"] = table["event"].astype(int)
    with_lifecycle = name == "bpic12"
    table["label"] = table["activity"] + ("+" + table["lifecycle"] if with_lifecycle else "")
    table["at"] = pd.to_datetime(table["timestamp"], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    last = table.groupby("case_id", sort=False).tail(1)
    ends = last.set_index("case_id")["at"]
    remaining = (table["case_id"].map(ends) - table["at"]).dt.total_seconds() / 86_400
    labels = pd.DataFrame({"case_id": table["case_id"], "date": table["at"], "target": remaining})
    later = last["at"] + pd.Timedelta(seconds=1)
    table = pd.concat([table, last.assign(label="END", event=last["event"] + 1, resource=None, at=later)])
    columns = ["case_id", "event", "label", "at", "resource", *(["amount"] if "amount" in table else [])]
    if "amount" in table:
        table["amount"] = table["amount"].astype(float)
    folds = pd.read_csv(files[1], dtype=str)
    folds = folds[folds["log"] == name].set_index("case_id")["fold"].astype(int)
    for fold in range(5):
        others = folds[folds != fold].index
        # the validation cases of PaCT: the first fifth of a permutation of the other cases, in the order of the log
        drawn = np.random.default_rng(42).permutation(len(others))[: len(others) // 5]
        splits = (folds == fold).map({True: "test", False: "train"})
        splits[others[drawn]] = "validation"
        table[columns].assign(set=table["case_id"].map(splits)).to_parquet(out / f"fold{fold}.parquet")
        labels.assign(split=labels["case_id"].map(splits)).to_parquet(out / f"remaining{fold}.parquet")


WRITERS = {"beauty": write_beauty, "baskets": write_baskets, "process": write_process}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=WRITERS)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    WRITERS[arguments.data](arguments.files, arguments.out)


if __name__ == "__main__":
    main()
