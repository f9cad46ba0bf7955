from __future__ import annotations

from pathlib import Path

import labelled_shop
import pyarrow as pa
import pytest


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, pa.Table]:
    """(encoded folder, run of a few steps, rows) of a shop."""
    return labelled_shop.shop(tmp_path_factory.mktemp("shop"))
