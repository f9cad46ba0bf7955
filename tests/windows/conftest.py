from __future__ import annotations

from pathlib import Path

import pytest
import train_folders as folders


@pytest.fixture(scope="session")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoded folder of 120 users."""
    table = folders.rows(120, 12)
    return folders.write(tmp_path_factory.mktemp("encoded"), table, folders.tokenizer(table))
