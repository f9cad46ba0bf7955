"""The rules of the house: folders, names, and what each folder keeps to itself. CONTRIBUTING.md explains them."""

from __future__ import annotations

import configparser
from collections import defaultdict
from pathlib import Path

import house
import pytest

TESTS = house.ROOT / "tests"
NOT_MIRRORED = {"docs", "examples", "faults", "plugins", "support"}
"""Folders of tests that are about something else than a folder of the package."""
MODULES_IN_A_FOLDER = 13
SAME_NAME = {
    "decoding": "from tokens back to values",
    "encoder": "the encoder of one kind of field",
    "encoding": "from a table to streams",
    "job": "a job that has a folder of its own",
    "progress": "how far a job is",
    "result": "what a job returns",
    "source": "a source of rows",
}
"""Module names that occur more than once, and their one meaning."""

TEST_FILES = [
    path.relative_to(TESTS)
    for path in sorted(TESTS.rglob("test_*.py"))
    if path.parent != TESTS and path.relative_to(TESTS).parts[0] not in NOT_MIRRORED
]


@pytest.mark.slow
@pytest.mark.parametrize("path", TEST_FILES, ids=str)
def test_a_test_file_is_named_after_what_it_tests(path: Path) -> None:
    folder = house.DIRECTORY / path.parent
    assert folder.is_dir(), f"tests/{path}: there is no domaintoolkit/{path.parent}; move the tests with their module"
    names = {folder.name, *(entry.stem for entry in folder.iterdir() if not entry.stem.startswith("_"))}
    tested = path.stem.removeprefix("test_")
    assert any(tested == name or tested.startswith(f"{name}_") for name in names), (
        f"tests/{path}: name it test_MODULE.py or test_MODULE_ASPECT.py; domaintoolkit/{path.parent} has "
        f"{', '.join(sorted(names))}"
    )


@pytest.mark.slow
def test_a_public_class_name_occurs_once() -> None:
    places = defaultdict(list)
    for module, path in house.sources().items():
        for name in house.public_classes(path):
            places[name].append(module)
    repeated = {name: modules for name, modules in places.items() if len(modules) > 1}
    assert not repeated, "rename all but one:" + listing(repeated)


def test_a_module_name_that_occurs_again_means_the_same() -> None:
    places = defaultdict(list)
    for paths in house.folders().values():
        for path in paths:
            places[path.stem].append(str(path.relative_to(house.DIRECTORY)))
    # a command is named as its users call it
    repeated = {
        name: [file for file in files if not file.startswith("cli/commands/")]
        for name, files in places.items()
        if name not in SAME_NAME
    }
    repeated = {name: files for name, files in repeated.items() if len(files) > 1}
    assert not repeated, "rename, or say in SAME_NAME what the name means everywhere:" + listing(repeated)
    unused = sorted(name for name in SAME_NAME if len(places[name]) < 2)
    assert not unused, f"these names occur once now, so remove them from SAME_NAME: {', '.join(unused)}"


def test_a_folder_has_at_most_thirteen_modules() -> None:
    wide = {
        str(folder.relative_to(house.ROOT)): [path.stem for path in paths]
        for folder, paths in house.folders().items()
        if len(paths) > MODULES_IN_A_FOLDER and folder.name != "commands"  # a file for each command
    }
    assert not wide, "find the second job of the folder, and give it a folder:" + listing(wide)


def test_no_module_name_begins_with_an_underscore() -> None:
    found = [str(path.relative_to(house.ROOT)) for paths in house.folders().values() for path in paths]
    found = [name for name in found if Path(name).name.startswith("_")]
    assert not found, f"import rules keep a module private, and its name need not: {', '.join(found)}"


@pytest.mark.slow
def test_what_only_its_own_folder_imports_is_protected() -> None:
    protected = protected_modules()
    missing = {
        folder: new
        for folder, modules in house.own_modules().items()
        if (new := [module for module in modules if not is_below(module, protected)])
    }
    assert not missing, (
        f"no other folder imports these modules, so protect them in .importlinter: {listing(missing)}\n"
        "`python tests/support/house.py` prints the rules"
    )


def protected_modules() -> set[str]:
    rules = configparser.ConfigParser()
    rules.read(house.ROOT / ".importlinter")
    return {
        module
        for section in rules.sections()
        if rules[section].get("type") == "protected"
        for module in rules[section]["protected_modules"].split()
    }


def is_below(module: str, packages: set[str]) -> bool:
    """Whether a module is one of the packages, or in one; `folder.*` are all modules of a folder."""
    return any(f"{module}.".startswith(f"{package.removesuffix('.*')}.") for package in packages)


def listing(found: dict[str, list[str]]) -> str:
    return "".join(f"\n  {name}: {', '.join(places)}" for name, places in sorted(found.items()))
