"""Keep Arrow from importing pandas before anyone has a table of pandas."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["defer_pandas"]

PANDAS = "pandas"


def defer_pandas() -> None:
    """Let Arrow do without pandas until another module imports it.

    Arrow imports pandas, if it is installed, as soon as it makes an array, only to tell whether it was given one of
    pandas. That takes 0.3 s, a quarter of the start of a command that reads a table.
    """
    if PANDAS in sys.modules or any(isinstance(finder, _PandasFinder) for finder in sys.meta_path):
        return
    import pyarrow as pa

    finder = _PandasFinder()
    sys.meta_path.insert(0, finder)
    pa.array([])  # the one time that Arrow looks for pandas unasked
    finder.is_hidden = False


class _PandasFinder(MetaPathFinder, Loader):
    """Hides pandas while `is_hidden`. Once pandas is imported, Arrow is told."""

    def __init__(self) -> None:
        self.is_hidden = True
        self._loader: Loader | None = None

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != PANDAS:
            return None
        if self.is_hidden:
            raise ModuleNotFoundError(f"no module named {name!r} for now", name=name)
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            self._loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        assert self._loader is not None
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        assert self._loader is not None
        module.__spec__.loader = module.__loader__ = self._loader  # type: ignore[union-attr] # as if we were not here
        self._loader.exec_module(module)
        import pyarrow as pa

        pa.nulls(0).to_pandas()  # asked for a table of pandas, Arrow looks again
