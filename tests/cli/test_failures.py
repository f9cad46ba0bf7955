"""Errors: one voice, and JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("encode", "--nonsense"), "unknown option '--nonsense'"),
        (("encode", "--overwite"), "unknown option '--overwite'; did you mean '--overwrite'?"),
        (("encode", "--engine", "slurm"), "--engine: unknown value 'slurm'; available: local, spark"),
        (("encode", "--threads", "x"), "--threads: expected a whole number, got 'x'"),
        (("encode", "--threads", "0"), "--threads: 0 is less than 1"),
        (("plan", "--utilisation", "x"), "--utilisation: expected a number, got 'x'"),
        (("encode", "--out"), "--out needs a value"),
        (("encode", "--json=3"), "--json takes no value"),
        (("decode",), "give OUT"),
        (("decode", "x"), "give --out FILE"),
        (("domains", "a"), "unexpected argument 'a'"),
        (("domains", "a", "b"), "unexpected arguments: a b"),
        (("encode", "-d", "ads", "x.csv", "--column", "ab"), "--column takes NAME=HEADER, got 'ab'"),
    ],
)
def test_usage_errors_speak_as_all_others_do(run: Run, arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0] == f"error: {message}"
    assert "For more, try: " in result.stderr


def test_with_json_an_error_is_an_object_with_its_fields(run: Run, tmp_path: Path) -> None:
    rows, schema = tmp_path / "rows.csv", tmp_path / "schema.toml"
    rows.write_text("user,price\na,1\nb,much\n")
    schema.write_text('entity = "user"\nfields = [{ type = "numeric", name = "price" }]\n')
    result = run("encode", "--schema", schema, rows, "-o", tmp_path / "out", "--json")
    assert (result.exit_code, result.stderr) == (1, "")
    error = json.loads(result.stdout)["error"]
    assert (error["type"], error["exit_status"], error["total"]) == ("DataError", 1, 1)
    assert (error["refusals"][0]["line"], error["refusals"][0]["column"]) == (3, "price")


@pytest.mark.parametrize("arguments", [("encode", "--json"), ("encode", "--json", "--nonsense"), ("none", "--json")])
def test_with_json_a_usage_error_is_an_object_too(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (2, "")
    assert json.loads(result.stdout)["error"]["exit_status"] == 2


def test_without_a_command_there_is_help(run: Run) -> None:
    result = run()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Usage: ")


def test_rows_that_cannot_be_encoded_come_with_the_way_to_go_on(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("user,page\nu1,home\n,home\n", encoding="utf-8")
    schema = 'entity = "user"\n[[fields]]\ntype = "categorical"\nname = "page"\n'
    reader = '[reader]\ncolumns = [{name = "user"}, {name = "page"}]\n'
    (tmp_path / "shop.toml").write_text(schema + reader, encoding="utf-8")
    arguments = ("encode", "--schema", tmp_path / "shop.toml", tmp_path / "rows.csv", "-o", tmp_path / "out")
    result = run(*arguments)
    assert result.exit_code == 1
    assert "the entity key is null" in result.stderr
    assert result.stderr.rstrip().endswith("to go on without such rows, give --on-bad-rows quarantine")
    assert run(*arguments, "--on-bad-rows", "quarantine").exit_code == 0
