"""`-` as a file: rows, schemas and recipes from standard input, tables and pages to standard output."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from domaintoolkit.cli import main

Run = Callable[..., Result]


def piped(data: bytes, *arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(each) for each in arguments], input=data)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_rows_come_from_standard_input(run: Run, encoded: Path, rows_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "shop"
    result = piped(rows_file.read_bytes(), "encode", "-d", "ecommerce", "-", "-o", out)
    assert result.exit_code == 0, result.output
    assert (out / "manifest.json").read_bytes() == (encoded / "manifest.json").read_bytes()
    assert piped(rows_file.read_bytes(), "verify", out, "-").exit_code == 0


def test_a_schema_comes_from_standard_input(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("user,page\na,x\na,y\n")
    schema = b'entity = "user"\nfields = [{ type = "categorical", name = "page" }]\n'
    result = piped(schema, "fit", "--schema", "-", tmp_path / "rows.csv", "-o", tmp_path / "t", "--all-entities")
    assert result.exit_code == 0, result.output
    twice = piped(schema, "fit", "--schema", "-", "-", "-o", tmp_path / "u")
    assert (twice.exit_code, "can be read once" in twice.stderr) == (2, True)


def test_a_table_goes_to_standard_output(run: Run, encoded: Path, tmp_path: Path) -> None:
    result = run("decode", encoded, "-o", "-")
    assert run("decode", encoded, "-o", tmp_path / "rows.csv").exit_code == 0
    assert result.stdout_bytes == (tmp_path / "rows.csv").read_bytes()
    assert result.stderr.endswith("rows written to -\n")


def test_streams_a_vocabulary_and_a_page_go_to_standard_output(run: Run, encoded: Path) -> None:
    streams = run("export", encoded, "--streams", "-").stdout_bytes
    assert "ids" in pa.ipc.open_file(io.BytesIO(streams)).schema.names
    assert run("export", encoded, "--vocabulary", "-").stdout.startswith('"token"')
    assert run("inspect", encoded, "--html", "-").stdout.startswith("<!doctype html>")


def test_pages_and_schemas_go_to_standard_output(run: Run, encoded: Path) -> None:
    assert run("report", encoded, "-o", "-", "--entities", 3).stdout.startswith("<!doctype html>")
    assert "[[fields]]" in run("suggest", encoded, "-o", "-").stdout


def test_a_table_to_propose_a_schema_for_comes_from_standard_input(rows_file: Path) -> None:
    result = piped(rows_file.read_bytes(), "new", "shop", "--from", "-", "--yes", "--schema-only")
    assert result.exit_code == 0, result.output
    assert 'entity = ["user_id"]' in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("decode", "{}", "-o", "-", "--json"), "both write to standard output"),
        (("inspect", "{}", "--html", "-", "--json"), "both write to standard output"),
        (("export", "{}", "--streams", "-", "--vocabulary", "-"), "only one output"),
        (("export", "{}", "--huggingface", "-"), "writes a folder"),
        (("encode", "-d", "ads", "-o", "-"), "a folder cannot be written to standard output"),
        (("encode", "-d", "ads", "-", "-"), "can be read once"),
    ],
)
def test_what_cannot_go_through_a_pipe(run: Run, encoded: Path, arguments: tuple[str, ...], words: str) -> None:
    result = run(*(argument.format(encoded) for argument in arguments))
    assert result.exit_code == 2
    assert words in result.output
