"""The group: quick to ask for help, and every command there."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from resource import RUSAGE_CHILDREN, getrusage

import click
import pytest
from click.testing import Result

from domaintoolkit.cli.main import COMMANDS
from domaintoolkit.cli.options import print_json

HEAVY = ("torch", "pandas", "pyarrow", "numpy", "duckdb", "numba", "rich", "pluggy", "pydantic", "ecommerce_rees46")

HELP = f"""
import sys
from domaintoolkit.cli import main
try:
    main(["--help"])
except SystemExit as end:
    status = end.code
print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
sys.exit(status)
"""


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    for name, summary in COMMANDS.items():
        assert name in done.stdout
        assert summary.split()[0] in done.stdout


HELP_OF_COMMANDS = """
import sys
from domaintoolkit.cli import main
from domaintoolkit.cli.main import COMMANDS
for name in COMMANDS:
    # the settings of a recipe and of fine-tuning become options
    if name not in ("train", "finetune"):
        try:
            main([name, "--help"])
        except SystemExit as end:
            assert not end.code, name
print([name for name in ("torch", "pandas", "pyarrow", "numpy", "duckdb") if name in sys.modules], file=sys.stderr)
"""


def test_help_of_a_command_imports_no_arrays() -> None:
    done = subprocess.run([sys.executable, "-c", HELP_OF_COMMANDS], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.slow
def test_help_is_quick() -> None:
    """In processor time, Python's own start included, since a busy machine makes everything else longer."""

    def seconds() -> float:
        before = getrusage(RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", HELP], capture_output=True, check=True)
        after = getrusage(RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(5)) < 0.15


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(run: Callable[..., Result], name: str) -> None:
    command: click.Command = import_module(f"domaintoolkit.cli.commands.{name}").command
    assert command.name == name
    result = run(name, "--help")
    assert result.exit_code == 0
    assert name == "domains" or "Examples:" in result.output
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts} has no help"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["enkode"], "did you mean 'encode'"),
        (["encode", "--nonsense"], "error: unknown option '--nonsense'\n"),
        (["encode", "--overwite"], "did you mean '--overwrite'?"),
        (["encode"], "give --domain NAME or --schema FILE"),
        (["encode", "-d", "shoes"], "unknown domain 'shoes'"),
        (["encode", "-d", "ecommerce", "--schema", "x.toml"], "not both"),
        (["encode", "-d", "ecommerce", "--column", "a=b"], "there are no FILES"),
        (["encode", "-d", "ecommerce", "x.csv", "--column", "ab"], "--column takes NAME=HEADER"),
        (["encode", "-d", "ecommerce", "x.csv", "--events", "3"], "--events and --seed"),
        (["encode", "-d", "ecommerce", "--memory", "many"], "expected a size"),
        (["encode", "-d", "ecommerce", "--threads", "0"], "0 is less than 1"),
    ],
)
def test_bad_usage_has_status_2(run: Callable[..., Result], tmp_path: object, args: list[str], words: str) -> None:
    result = run(*args, *(["-o", f"{tmp_path}/out"] if args[0] == "encode" else []))
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("error: ")
    assert words in result.stderr


def test_ctrl_c_in_a_compiled_loop_is_an_interrupt(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise SystemError("returned a result with an exception set") from KeyboardInterrupt()

    monkeypatch.setattr(import_module("domaintoolkit.cli.commands.domains").command, "invoke", interrupted)
    result = run("domains")
    assert result.exit_code == 130
    assert result.stderr == "error: interrupted\n"


def test_version(run: Callable[..., Result]) -> None:
    from domaintoolkit import __version__

    assert __version__ in run("--version").output


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "embed", "generate"])
def test_a_missing_extra_is_named(command: str, encoded: object, tmp_path: object) -> None:
    code = f"""
import sys
sys.modules["torch"] = None
sys.modules["accelerate"] = None
from domaintoolkit.cli import main
main({[command, str(encoded), *([str(encoded)] if command == "embed" else []), "-o", f"{tmp_path}/x.parquet"]!r}
     if {command!r} != "generate" else ["generate", {str(encoded)!r}])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "pip install 'domaintoolkit[train]'" in done.stderr


@pytest.mark.parametrize("at", ["click", "domaintoolkit.cli", "domaintoolkit.cli.main"])
def test_ctrl_c_while_the_command_line_is_loaded_ends_it_quietly(at: str) -> None:
    code = f"""
import sys
class Interrupting:
    def find_spec(self, name, *others):
        if name == {at!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from domaintoolkit.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")


def test_ctrl_c_while_arguments_are_read_ends_it_quietly(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(click.Group, "parse_args", interrupted)
    result = run("domains")
    assert result.exit_code == 130
    assert result.stderr == "error: interrupted\n"


def test_settings_of_the_allocator_are_those_of_the_user_first() -> None:
    code = """
import os, sys
sys.argv = ["domaintoolkit", "--help"]
from domaintoolkit.__main__ import main
try:
    main()
finally:
    print([os.environ[name] for name in ("MIMALLOC_ALLOW_THP", "MIMALLOC_PURGE_DELAY")], file=sys.stderr)
"""
    environment = {**os.environ, "MIMALLOC_PURGE_DELAY": "7"}
    environment.pop("MIMALLOC_ALLOW_THP", None)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stderr.strip() == "['0', '7']"


def test_a_number_that_is_not_finite_is_null_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [math.nan, 1.5], "b": {"c": math.inf}, "d": (-math.inf, 2)})
    assert json.loads(capsys.readouterr().out) == {"a": [None, 1.5], "b": {"c": None}, "d": [None, 2]}
