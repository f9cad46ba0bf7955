from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import folders


@pytest.fixture(scope="session")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoded folder of 120 users."""
    table = folders.rows(120, 12)
    return folders.write(tmp_path_factory.mktemp("encoded"), table, folders.tokenizer(table))
