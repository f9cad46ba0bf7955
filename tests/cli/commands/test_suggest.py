"""`domaintoolkit suggest`"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from domaintoolkit.schema import Schema

Run = Callable[..., Any]

TABLE = "".join(f"u{k % 40},{k % 7},always\n" for k in range(1_200))
SCHEMA = """entity = "user"
[[fields]]
type = "categorical"
name = "page"
[[fields]]
type = "categorical"
name = "app"
"""


def test_a_change_is_shown_and_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("user,page,app\n" + TABLE)
    (tmp_path / "schema.toml").write_text(SCHEMA)
    out, better = tmp_path / "out", tmp_path / "better.toml"
    assert run("encode", "--schema", tmp_path / "schema.toml", tmp_path / "rows.csv", "-o", out).exit_code == 0
    result = run("suggest", out, "-o", better)
    assert "app: constant" in result.stdout
    assert "# without the table of 'app'" in result.stdout
    assert [spec.name for spec in Schema.from_toml(better).fields] == ["page"]
    assert run("suggest", out, "-o", better).exit_code == 1
    data = json.loads(run("suggest", out, "--json").stdout)
    assert [each["rule"] for each in data["suggestions"]] == ["constant"]
