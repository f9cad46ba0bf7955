"""Make the label table of death in hospital from the outcomes and splits of the Challenge's sets.

    python domains/physionet2012/labels.py FOLDER labels.csv [SPLIT]

FOLDER holds `outcomes.csv.gz` (record_id, in_hospital_death) and `splits.csv.gz`, whose column SPLIT (s00 to s19, as
EBES cuts set a 85:15; default s00) says which stays of set a are for training and validation. Set b is for test.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd


def main(folder: Path, out: Path, split: str = "s00") -> None:
    """Write the labels; a stay without a date knows its whole history."""
    splits = pd.read_csv(folder / "splits.csv.gz")[["record_id", split]].rename(columns={split: "split"})
    labels = pd.read_csv(folder / "outcomes.csv.gz").merge(splits, on="record_id")
    labels = labels.rename(columns={"in_hospital_death": "target"})[["record_id", "target", "split"]]
    labels.to_csv(out, index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
