"""What a user gets by installing: entry points, and each plugin's small files inside its package."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import pytest

from domaintoolkit.registry import list_domains

ROOT = Path(__file__).parents[2]
PLUGINS = ("ad_clicks", "ecommerce_rees46", "finance_synthetic")


def test_the_plugins_are_found_through_their_entry_points() -> None:
    found = {point.name: point.value for point in entry_points(group="domaintoolkit")}
    assert {name: found.get(name) for name in PLUGINS} == {name: name for name in PLUGINS}
    catalog = list_domains()
    assert {"ads", "ads-bots", "ecommerce", "finance", "finance-control"} <= set(catalog.domains)
    assert {catalog.owners[name].distribution for name in ("ads", "ecommerce", "finance")} == {"domaintoolkit"}


@pytest.mark.parametrize("package", PLUGINS)
def test_its_files_are_inside(package: str) -> None:
    wanted = [
        path.name for path in (ROOT / "plugins" / package).iterdir() if path.suffix in {".toml", ".csv", ".typed"}
    ]
    assert {"recipe.toml", "py.typed"} <= set(wanted)
    assert all((files(package) / name).is_file() for name in wanted)


def test_the_plugins_use_nothing_that_a_strangers_plugin_could_not() -> None:
    """Only what packages export: no private module of domaintoolkit."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "plugins").rglob("*.py")]
    imported = {name for source in sources for name in re.findall(r"(?:from|import) (domaintoolkit[\w.]*)", source)}
    assert imported == {"domaintoolkit.registry", "domaintoolkit.schema"}


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "domains").glob("*.md")), ids=lambda path: path.name)
def test_the_python_of_its_page_runs(page: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    subprocess.run([sys.executable, "-W", "error", "-c", "\n".join(blocks)], check=True)
