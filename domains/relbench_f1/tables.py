"""Make the events and the label tables of RelBench's Formula 1 tasks from Ergast's tables.

    python domains/relbench_f1/tables.py FOLDER OUT

FOLDER holds results, qualifying, races, drivers, circuits and status as packed CSV, and `labels.csv.gz` with the
columns task, driver_id, date, target and split. OUT receives `events.csv`, a row a result or a qualifying session of a
driver, and a label table for each task.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd


def read(folder: Path, name: str) -> pd.DataFrame:
    """A table of Ergast's dump, in which `\\N` is null."""
    return pd.read_csv(folder / f"{name}.csv.gz", na_values=["\\N", ""], keep_default_na=False)


def make_events(folder: Path) -> pd.DataFrame:
    """Results at the time of their race, qualifying a day before it, as RelBench sets their times."""
    races = read(folder, "races")
    races["time"] = races["time"].fillna("00:00:00")
    races["at"] = pd.to_datetime(races["date"] + " " + races["time"])
    drivers = read(folder, "drivers")[["driverId", "nationality", "dob"]]
    known = races[["raceId", "at", "circuitId"]]
    results = read(folder, "results").merge(known, on="raceId")
    status = results["statusId"].map(read(folder, "status").set_index("statusId")["status"])
    results = pd.DataFrame(
        {
            "driver_id": results["driverId"], "at": results["at"], "kind": "race", "circuit": results["circuitId"],
            "constructor": results["constructorId"], "grid": results["grid"], "position": results["positionOrder"],
            "points": results["points"], "laps": results["laps"], "status": status,
            "unfinished": (results["statusId"] != 1).astype(int),
        }
    )  # fmt: skip
    qualifying = read(folder, "qualifying").merge(known, on="raceId")
    qualifying = pd.DataFrame(
        {
            "driver_id": qualifying["driverId"], "at": qualifying["at"] - pd.Timedelta(days=1), "kind": "qualifying",
            "circuit": qualifying["circuitId"], "constructor": qualifying["constructorId"],
            "qualified": qualifying["position"], "top3": (qualifying["position"] <= 3).astype(int),
        }
    )  # fmt: skip
    events = pd.concat([results, qualifying], ignore_index=True)
    events = events.merge(drivers.rename(columns={"driverId": "driver_id"}), on="driver_id")
    return events.sort_values(["driver_id", "at", "kind"]).convert_dtypes()


def main(folder: Path, out: Path) -> None:
    """Write the events and the labels."""
    out.mkdir(parents=True, exist_ok=True)
    make_events(folder).to_csv(out / "events.csv", index=False)
    labels = pd.read_csv(folder / "labels.csv.gz")
    for task, rows in labels.groupby("task"):
        rows.drop(columns="task").to_csv(out / f"{task}.csv", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
