"""The modules of the package, what they define and what they import; run this file to print the `protected` rules.

The rules go into .importlinter: one for each folder, with the modules that no other folder imports.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "domaintoolkit"
DIRECTORY = ROOT / PACKAGE


@cache
def sources() -> dict[str, Path]:
    """Each module's dotted name and file; a package has the name of its folder."""
    found = {}
    for path in sorted(DIRECTORY.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def folders() -> dict[Path, list[Path]]:
    """The modules in each folder of the package, without `__init__.py` and `__main__.py`."""
    found: dict[Path, list[Path]] = {}
    for path in sources().values():
        if not path.stem.startswith("__"):
            found.setdefault(path.parent, []).append(path)
    return found


def public_classes(path: Path) -> list[str]:
    """The classes that a module defines, without those that begin with an underscore."""
    return [node.name for node in tree(path).body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]


def imported(path: Path) -> Iterator[str]:
    """The modules of the package that a file imports, inside functions too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in sources())
        elif isinstance(node, ast.ImportFrom) and node.module in sources():
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in sources() else str(node.module)


def top(module: str) -> str:
    """The folder of the package that a module is in: `encoders` for `domaintoolkit.encoders.numeric.bins`."""
    return module.split(".")[1] if "." in module else module


@cache
def shared() -> frozenset[str]:
    """The modules that another folder imports than their own."""
    uses = ((module, other) for module, path in sources().items() for other in imported(path))
    return frozenset(other for module, other in uses if top(module) != top(other))


def own_modules() -> dict[str, list[str]]:
    """For each folder, what no other folder imports; a subfolder stands for all its modules if none is imported."""
    found: dict[str, list[str]] = {}
    for module in sources():
        above = found.setdefault(top(module), [])
        inside = any(module.startswith(f"{package}.") for package in above)
        if module.count(".") < 2 or inside or any(f"{name}.".startswith(f"{module}.") for name in shared()):
            continue
        above.append(module)
    return {folder: modules for folder, modules in found.items() if modules}


def protected_rules() -> str:
    """The `protected` contracts of .importlinter; `.*` are all modules of a folder."""
    rules = []
    for folder, modules in own_modules().items():
        above = f"{PACKAGE}.{folder}"
        inside = [module for module in sources() if module.rpartition(".")[0] == above]
        modules = [f"{above}.*"] if modules == inside else modules
        lines = [f"[importlinter:contract:protected-{folder}]", f"name = What {folder} keeps to itself"]
        lines += ["type = protected", "protected_modules =", *(f"    {module}" for module in modules)]
        rules.append("\n".join([*lines, "allowed_importers =", f"    {PACKAGE}.{folder}"]))
    return "\n\n".join(rules) + "\n"


if __name__ == "__main__":
    print(protected_rules(), end="")
