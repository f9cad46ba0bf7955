"""Training: recipes, the loop, checkpoints. Names load when they are used, since torch takes seconds."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from domaintoolkit.train._loader import Batch, Loader
    from domaintoolkit.train._progress import LiveLine, Progress
    from domaintoolkit.train._recipe import Recipe, changed, default_recipe, load_recipe, resolved_toml
    from domaintoolkit.train._result import Result
    from domaintoolkit.train._run import train
    from domaintoolkit.train._source import Source, open_shards

_HOMES = {
    "_loader": ("Batch", "Loader"),
    "_progress": ("LiveLine", "Progress"),
    "_recipe": ("Recipe", "changed", "default_recipe", "load_recipe", "resolved_toml"),
    "_result": ("Result",),
    "_run": ("train",),
    "_source": ("Source", "open_shards"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Batch",
    "LiveLine",
    "Loader",
    "Progress",
    "Recipe",
    "Result",
    "Source",
    "changed",
    "default_recipe",
    "load_recipe",
    "open_shards",
    "resolved_toml",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
