"""The table of a study of sizes, batches and times, made up."""

from __future__ import annotations

from typing import Any

import numpy as np

# bits of (size, batch) after 15, 30 and 60 seconds
COURSES = {
    ("14k", 1): (10.0, 9.5, 9.2), ("14k", 4): (9.6, 9.0, 8.8), ("14k", 16): (9.8, 9.3, 9.0),
    ("54k", 1): (11.0, 9.8, 9.1), ("54k", 4): (10.2, 9.2, 8.2), ("54k", 16): (10.6, 9.7, 8.7),
    ("410k", 1): (12.0, 11.0, 10.0), ("410k", 4): (11.5, 10.5, 9.5), ("410k", 16): (11.9, 10.9, 9.9),
}  # fmt: skip
PARAMETERS = {"14k": 14e3, "54k": 54e3, "410k": 410e3}


def rows(seeds: int = 1, noise: float = 0.0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    return [
        {"size": size, "batch": str(batch), "seconds": seconds, "bits": bits + noise * rng.normal(), "seed": seed,
         "inner_parameters": PARAMETERS[size], "is_chosen": True, "steps": 100}
        for (size, batch), course in COURSES.items() for seconds, bits in zip((15, 30, 60), course, strict=True)
        for seed in range(seeds)
    ]  # fmt: skip
