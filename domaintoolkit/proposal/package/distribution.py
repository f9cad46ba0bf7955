"""`write_distribution`: all files of the distribution of a proposed domain."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from domaintoolkit.errors import OutputError, Problem, SchemaError
from domaintoolkit.proposal.package.data_card import write_card
from domaintoolkit.proposal.package.templates import FILES
from domaintoolkit.proposal.proposal import Proposal
from domaintoolkit.proposal.toml_text import SCHEMA_FILE, write_toml
from domaintoolkit.reading import domain_json_schema
from domaintoolkit.schema.convert import toml_value
from domaintoolkit.util.output_sets import link_others
from domaintoolkit.util.partials import list_whole, replacing_folder

__all__ = ["Names", "write_distribution"]

MARK = "pyproject.toml"
"""The file by which an earlier distribution is known."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a domain, of its distribution and of its module."""

    domain: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", self.domain):
            rule = f"must be lower-case letters, digits, - and _, and begin with a letter; got {self.domain!r}"
            raise SchemaError([Problem("name", rule)], "the domain")

    @property
    def distribution(self) -> str:
        """The name for pip."""
        return f"{self.domain.replace('_', '-').strip('-')}-domain"

    @property
    def module(self) -> str:
        """The name for Python."""
        return f"{self.domain.replace('-', '_').strip('_')}_domain"


def write_distribution(
    proposal: Proposal, names: Names, files: Sequence[str], folder: Path, overwrite: bool = False
) -> list[str]:
    """Write the distribution into `folder`, whole or not at all, and return the paths of its files.

    `files` are those that the proposal was made from; only their names are written. Raises `OutputError` if the
    folder holds something else, or an earlier distribution without `overwrite`: of that one the same files are
    replaced, and all others stay, such as an encoder that its author has added.
    """
    found = list_whole(folder) if folder.is_dir() else []
    if folder.exists() and not folder.is_dir():
        raise OutputError(str(folder), "is a file, not a folder; choose another with -o")
    if found and not (overwrite and MARK in found):
        raise OutputError(str(folder), "already holds something; give --overwrite to replace a distribution, or -o")
    texts = _texts(proposal, names, files)
    with replacing_folder(folder) as partial:
        for path, text in texts.items():
            place = partial / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        link_others(folder, partial, ())
    return sorted(texts)


def _texts(proposal: Proposal, names: Names, files: Sequence[str]) -> dict[str, str]:
    shown = [Path(file).name for file in files]
    source = shown[0] if len(shown) == 1 else f"{len(shown)} files"
    refuses = " --on-bad-rows quarantine" if proposal.refused > 0 else ""
    words = {
        "domain": names.domain,
        "distribution": names.distribution,
        "module": names.module,
        "description": toml_value(f"The domain {names.domain} of domaintoolkit, proposed from {source}"),
        "about": json.dumps(f"proposed from {source}; the sample is simulated, column by column", ensure_ascii=False),
        "extras": "[excel]" if any(name.lower().endswith((".xlsx", ".xlsm")) for name in shown) else "",
        "files": " ".join(map(shlex.quote, shown[:3])) + (" ..." if len(shown) > 3 else ""),
        "refuses": refuses,
        "card": write_card(proposal),
    }
    module = f"src/{names.module}"
    made = {_fill(path, words): _fill(text, words) for path, text in FILES.items()}
    made[f"{module}/domain.toml"] = write_toml(proposal, f"The schema of {names.domain}, proposed from {source}.")
    made[f"{module}/marginals.json"] = proposal.marginals.to_json()
    made[f"{module}/{SCHEMA_FILE}"] = json.dumps(domain_json_schema(), ensure_ascii=False, indent=1) + "\n"
    made[f"{module}/py.typed"] = ""
    return made


def _fill(text: str, words: Mapping[str, str]) -> str:
    return re.sub(r"<<(\w+)>>", lambda found: words[found[1]], text)
