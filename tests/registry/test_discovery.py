"""Plugins found through entry points: in installed distributions, made here in a folder on the path."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from domaintoolkit.errors import Interrupted
from domaintoolkit.registry import build_manager, guard, list_domains

GOOD = """
from domaintoolkit.registry import hookimpl
from domaintoolkit.schema import Categorical, Column, Domain, Reader, Schema

@hookimpl
def domaintoolkit_domains():
    schema = Schema(entity=("who",), fields=(Categorical("what"),))
    return (Domain("{domain}", "", schema, Reader((Column("who"), Column("what"))), lambda events, seed: ()),)
"""


def install(folder: Path, distribution: str, module: str, source: str) -> None:
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{distribution.replace('-', '_')}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[domaintoolkit]\n{module} = {module}\n")


def test_installed_plugins_are_loaded_each_on_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "acme-good", "acme_good_plugin", GOOD.format(domain="acme"))
    install(tmp_path, "acme-broken", "acme_broken_plugin", "import a_module_that_is_not_there")
    install(tmp_path, "acme-exits", "acme_exits_plugin", "raise SystemExit('no')")
    monkeypatch.syspath_prepend(str(tmp_path))
    catalog = list_domains(build_manager(entry_points=True))
    assert catalog.owners["acme"].distribution == "acme-good"
    assert catalog.owners["acme"].version == "1.2"
    broken = {failure.plugin.distribution: failure for failure in catalog.failures}
    assert "ModuleNotFoundError" in broken["acme-broken"].reason
    assert "SystemExit: no" in broken["acme-exits"].reason
    assert "plugin 'acme_broken_plugin' (from acme-broken)" in str(broken["acme-broken"].error)


def test_two_distributions_that_claim_one_domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("acme_one", "acme_two"):
        install(tmp_path, name, f"{name}_plugin", GOOD.format(domain="contested"))
    monkeypatch.syspath_prepend(str(tmp_path))
    catalog = list_domains(build_manager(entry_points=True))
    assert "contested" not in catalog.domains
    reasons = [failure.reason for failure in catalog.failures if failure.names == ("contested",)]
    assert len(reasons) == 2
    assert "also registered by plugin 'acme_two_plugin' (from acme_two 1.2)" in reasons[0]


HOSTILE = {
    "raises what is no Exception": "class Odd(BaseException): pass\nraise Odd('no')",
    "raises what cannot be shown": "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute",
    "exits": "import sys; sys.exit('no')",
    "ends the process": "import os; os._exit(0)",
    "recurses": "def down(): down()\ndown()",
    "colours": r"raise ValueError('\x1b[31mred')",
    "prints": "print('loud')\nraise ValueError('no')",
}
HOOK = """
from domaintoolkit.registry import hookimpl

@hookimpl
def domaintoolkit_domains():
    {}
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("in_hook", [False, True])
def test_a_hostile_plugin_disturbs_no_other_and_no_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], kind: str, in_hook: bool
) -> None:
    code = HOOK.format(HOSTILE[kind].replace("\n", "\n    ")) if in_hook else HOSTILE[kind]
    module = f"hostile_{'hook' if in_hook else 'import'}_{kind.replace(' ', '_').replace('.', '')}"
    install(tmp_path, "acme-hostile", module, code)
    install(tmp_path, "acme-fine", f"fine_{module}", GOOD.format(domain="fine"))
    monkeypatch.syspath_prepend(str(tmp_path))
    catalog = list_domains(build_manager(entry_points=True))
    assert "fine" in catalog.domains
    (failure,) = [failure for failure in catalog.failures if failure.plugin.distribution == "acme-hostile"]
    assert "\x1b" not in str(failure)
    assert capfd.readouterr().out == ""


def test_a_plugin_that_does_not_end_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(guard, "PATIENCE", 0.01)
    install(tmp_path, "acme-slow", "acme_slow_plugin", "import time; time.sleep(0.2); raise KeyboardInterrupt")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(Interrupted, match=r"interrupted while plugin 'acme_slow_plugin' .* was at work"):
        build_manager(entry_points=True)
    assert "note: waiting for plugin 'acme_slow_plugin' (from acme-slow 1.2)" in capfd.readouterr().err


@pytest.mark.slow
def test_importing_the_registry_loads_no_plugin_and_nothing_heavy() -> None:
    heavy = ["torch", "pandas", "duckdb", "numba", "transformers", "ecommerce_rees46", "ad_clicks", "finance_synthetic"]
    code = f"import sys, domaintoolkit.registry; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
