from __future__ import annotations

from domaintoolkit.studies.analysis.points import points_of


def test_seeds_are_one_point_though_they_have_seen_different_numbers_of_events() -> None:
    rows = [
        {"cell": f"{size}{seed}", "size": size, "seed": seed, "learning_rate": 0.1, "steps": 5, "flops": flops + seed,
         "bits": bits + seed}
        for size, flops, bits in (("b", 30.0, 2.0), ("a", 10.0, 5.0)) for seed in (0, 2)
    ]  # fmt: skip
    assert points_of(rows, "flops", "bits") == ([11.0, 31.0], [[5.0, 7.0], [2.0, 4.0]])
