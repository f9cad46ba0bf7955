"""Training: recipes, the loop, checkpoints. Names load when they are used, since torch takes seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domaintoolkit._lazy import lazy

if TYPE_CHECKING:
    from domaintoolkit.train._devices import computed_in_software
    from domaintoolkit.train._loader import Batch, Loader
    from domaintoolkit.train._progress import LiveLine, Progress
    from domaintoolkit.train._recipe import Recipe, changed, default_recipe, load_recipe, resolved_toml
    from domaintoolkit.train._result import Result
    from domaintoolkit.train._run import train
    from domaintoolkit.train._source import Source, open_shards

_HOMES = {
    "_devices": ("computed_in_software",),
    "_loader": ("Batch", "Loader"),
    "_progress": ("LiveLine", "Progress"),
    "_recipe": ("Recipe", "changed", "default_recipe", "load_recipe", "resolved_toml"),
    "_result": ("Result",),
    "_run": ("train",),
    "_source": ("Source", "open_shards"),
}
__all__ = [
    "Batch",
    "LiveLine",
    "Loader",
    "Progress",
    "Recipe",
    "Result",
    "Source",
    "changed",
    "computed_in_software",
    "default_recipe",
    "load_recipe",
    "open_shards",
    "resolved_toml",
    "train",
]


__getattr__, __dir__ = lazy(__name__, _HOMES, __all__)
