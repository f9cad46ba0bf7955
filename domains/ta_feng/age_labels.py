"""Make the label table of Ta Feng's ages: 1 from 45 years on, or the age group. Unknown ages have no label.

python domains/ta_feng/age_labels.py ta_feng.csv.zip age.csv
python domains/ta_feng/age_labels.py ta_feng.csv.zip ages.csv groups
"""

from __future__ import annotations

import sys

import pandas as pd

FROM_45 = ("45-49", "50-54", "55-59", "60-64", ">65")


def main(source: str, out: str, target: str = "from-45") -> None:
    """Write the label of each customer; the split is that of the streams, a hash of the key."""
    rows = pd.read_csv(source, usecols=["CUSTOMER_ID", "AGE_GROUP"], dtype=str).drop_duplicates()
    rows = rows.dropna(subset="AGE_GROUP").rename(columns={"CUSTOMER_ID": "customer"})
    rows["target"] = rows["AGE_GROUP"] if target == "groups" else rows["AGE_GROUP"].isin(FROM_45).astype(int)
    rows[["customer", "target"]].to_csv(out, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
