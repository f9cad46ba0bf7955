from __future__ import annotations

from domaintoolkit.studies.level_settings import merge_settings


def test_tables_add_up_and_other_settings_replace_one_another() -> None:
    levels = [
        {"model": {"width": 8}, "steps": 3, "fields": {"price": {"bins": 4}, "at": {"parts": []}}},
        {"model": {"layers": 1}, "steps": 5, "fields": {"price": {"refine": 2}}, "share": 0.5},
    ]
    recipe, own = merge_settings({"steps": 9, "model": {"heads": 2}}, iter(levels))
    assert recipe == {"steps": 5, "model": {"heads": 2, "width": 8, "layers": 1}}
    assert own == {"fields": {"price": {"bins": 4, "refine": 2}, "at": {"parts": []}}, "share": 0.5}
