"""The domain: what a ride is, how its raw files are laid out, and simulated rides."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from domaintoolkit import Column, Domain, Reader, Schema

HERE = Path(__file__).parent
SCHEMA = Schema.from_toml(HERE / "schema.toml")
READER = Reader(
    columns=(
        Column("rider", source="Rider ID"),
        Column("plan", source="Plan"),
        Column("started", source="Start", type="timestamp", time_format="%d.%m.%Y %H:%M", zone="Europe/Copenhagen"),
        Column("station", source="From"),
        Column("route", source="Route"),
        Column("heading", source="Heading", type="float64"),
        Column("minutes", source="Minutes", type="float64", null=("-",)),
    ),
    delimiter=";",
)
DISTRICTS = ("Docks", "Bridge", "Market", "Hill", "Green", "Mill")
STATIONS = ("Harbour", "University", "Central", "Park", "Old Town", "Hospital")
RIDES = 24


def sample(events: int, seed: int) -> Iterator[pa.RecordBatch]:
    """Simulated rides, rider by rider: to work in the morning and back in the evening, with some detours."""
    for rider in range(-(-events // RIDES)):
        rng = np.random.default_rng([seed, rider])
        rides = min(RIDES, events - rider * RIDES)
        back = np.arange(rides) % 2
        home, work = rng.permutation(len(STATIONS))[:2]
        place = np.where(rng.random(rides) < 0.9, np.where(back, work, home), rng.integers(0, len(STATIONS), rides))
        # between home and work lie up to three districts, ridden through backwards in the evening
        way = [DISTRICTS[number] for number in rng.permutation(len(DISTRICTS))[: rng.integers(1, 4)]]
        day = np.arange(rides) // 2 + rng.integers(0, 200)
        minute = np.where(back, 17 * 60, 8 * 60) + rng.integers(-30, 31, rides)
        start = np.datetime64("2024-01-01", "m") + day.astype("timedelta64[D]") + minute.astype("timedelta64[m]")
        heading = (rng.uniform(0, 360) + 180.0 * back + rng.normal(0, 10, rides)) % 360
        yield pa.RecordBatch.from_pydict(
            {
                "rider": pa.array([f"R{rider:05d}"] * rides),
                "plan": pa.array([["yearly", "daily"][rider % 2]] * rides),
                "started": pa.array(start.astype("datetime64[us]")).cast(pa.timestamp("us", "UTC")),
                "station": pa.array(STATIONS).take(pa.array(place)),
                "route": pa.array([">".join(way[::-1] if evening else way) for evening in back.tolist()]),
                "heading": pa.array(np.round(heading, 1)),
                "minutes": pa.array(rng.integers(6, 31, rides).astype(float), mask=rng.random(rides) < 0.05),
            }
        )


BIKES = Domain(
    name="bikes",
    description="rides on shared bicycles (an example; simulated)",
    schema=SCHEMA,
    reader=READER,
    sample=sample,
    sample_events=2_000,
    recipe=HERE / "recipe.toml",
)
