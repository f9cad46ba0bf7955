"""`new` asks what the rows do not decide, and writes what it proposes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from raw_tables import TABLES, write_rows

from domaintoolkit.cli import main
from domaintoolkit.cli.commands import new

Run = Callable[..., Result]


def test_the_proposed_schema_encodes_the_table(tmp_path: Path, run: Run) -> None:
    path, _ = TABLES["bank_statements"](tmp_path)
    shown = run("new", "bank", "--from", path, "--yes", "--schema-only")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("#:schema ")
    schema = tmp_path / "bank.toml"
    schema.write_text(shown.stdout, encoding="utf-8")
    out = tmp_path / "out"
    assert run("encode", "--schema", schema, path, "-o", out).exit_code == 0
    assert run("verify", out, path).exit_code == 0


def test_without_a_terminal_open_questions_are_an_error(tmp_path: Path, run: Run) -> None:
    rows = [[f"c{k % 40}", f"{1 + k * 5 % 12:02d}/{1 + k * 7 % 12:02d}/2023", "abc"[k % 3]] for k in range(900)]
    path = write_rows(tmp_path / "dates.csv", rows, "client date kind")
    for extra in ((), ("--yes",)):
        failed = run("new", "dates", "--from", path, "--schema-only", *extra)
        assert failed.exit_code == 2
        assert "--day-first or --month-first" in failed.stderr
    assert "%d/%m/%Y" in run("new", "dates", "--from", path, "--schema-only", "--day-first").stdout


def test_json_has_the_reason_of_every_column(tmp_path: Path, as_data: Callable[..., dict[str, Any]]) -> None:
    path, expected = TABLES["ad_clicks"](tmp_path)
    data = as_data("new", "ads", "--from", path, "--yes", "--schema-only")
    assert [column["header"] for column in data["columns"]] == list(expected)
    assert all(column["reason"] for column in data["columns"])
    assert data["toml"].startswith("#:schema ")


def test_a_terminal_is_asked_only_what_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new, "_is_terminal", lambda: True)
    rows = [[f"c{k % 40}", f"{1 + k * 5 % 12:02d}/{1 + k * 7 % 12:02d}/2023", "abc"[k % 3]] for k in range(900)]
    path = write_rows(tmp_path / "dates.csv", rows, "client date kind")
    asked = CliRunner().invoke(main, ["new", "dates", "--from", str(path), "--schema-only"], input="2\n")
    assert "is the day or the month first?" in asked.stderr
    assert "%m/%d/%Y" in asked.stdout
    clear, _ = TABLES["telecom"](tmp_path)
    assert CliRunner().invoke(main, ["new", "calls", "--from", str(clear), "--schema-only"]).exit_code == 0


@pytest.mark.slow
def test_a_plugin_is_written_with_what_to_do_next(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path, _ = TABLES["ad_clicks"](tmp_path)
    done = run("new", "my-ads", "--from", path)
    assert done.exit_code == 0
    assert (tmp_path / "my-ads-domain" / "src" / "my_ads_domain" / "domain.toml").is_file()
    assert "pip install -e my-ads-domain" in done.stderr
    again = run("new", "my-ads", "--from", path)
    assert again.exit_code == 1
    assert "--overwrite" in again.stderr
    own = tmp_path / "my-ads-domain" / "src" / "my_ads_domain" / "towers.py"
    own.write_text("# an encoder of its author\n")
    domain = own.with_name("domain.toml")
    proposed = domain.read_text()
    domain.write_text("# changed\n")
    assert run("new", "my-ads", "--from", path, "--overwrite").exit_code == 0
    assert domain.read_text() == proposed
    assert own.exists()


def test_names_that_are_taken_or_wrong_are_refused(tmp_path: Path, run: Run) -> None:
    path, _ = TABLES["telecom"](tmp_path)
    assert "is installed already" in run("new", "ads", "--from", path).stderr
    assert "lower-case" in run("new", "My Ads", "--from", path).stderr
    assert "--encoder takes" in run("new", "x", "--from", path, "--encoder", "kind=nonsense", "--schema-only").stderr
