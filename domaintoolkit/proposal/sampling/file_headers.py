"""The headers of several files of one table: are they of one, and which of them are the same column?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from domaintoolkit.errors import SourceError
from domaintoolkit.reading import SourceFile

__all__ = ["check_one_table", "join_headers"]

ALIKE = 0.5
"""Files are of one table if they share at least this part of their columns."""


def check_one_table(headers: Mapping[SourceFile, tuple[str, ...]]) -> None:
    """Raise `SourceError` if files have too few columns in common to be of one table."""
    groups: list[tuple[set[str], list[SourceFile]]] = []
    for file, names in headers.items():
        plain = {_fold(name) for name in names}
        for known, members in groups:
            if len(plain & known) >= ALIKE * min(len(plain), len(known)) and len(plain & known) > 1:
                known |= plain
                members.append(file)
                break
        else:
            groups.append((plain, [file]))
    if len(groups) == 1:
        return
    listed = "; ".join(f"{members[0].name} has {', '.join(list(headers[members[0]])[:6])}" for _, members in groups[:4])
    raise SourceError(
        f"{len(headers)} files",
        f"they are of {len(groups)} tables, which share too few columns: {listed}. Give the files of the table with "
        "the events, or join the others to it first",
    )


def _fold(header: str) -> str:
    return "".join(character for character in header.casefold() if character.isalnum()) or header


def join_headers(
    lists: Sequence[tuple[str, ...]],
) -> tuple[list[tuple[str, int | None, bool]], dict[str, tuple[str, ...]]]:
    """The headers of all files, in order: with the number of a repeated one, and if it is optional; and aliases."""
    spelled: dict[str, dict[str, None]] = {}
    for names in lists:
        for name in names:
            spelled.setdefault(_fold(name), {})[name] = None
    together = {name for names in lists for plain in spelled for name in spelled[plain]
                if sum(other in names for other in spelled[plain]) > 1}  # fmt: skip
    first: dict[str, str] = {}
    aliases: dict[str, tuple[str, ...]] = {}
    for names_of in spelled.values():
        apart = [name for name in names_of if name not in together]
        if len(apart) > 1:
            aliases[apart[0]] = tuple(apart[1:])
            first |= dict.fromkeys(apart[1:], apart[0])
    found: dict[tuple[str, int], None] = {}
    counts: Counter[tuple[str, int]] = Counter()
    for names in lists:
        times: Counter[str] = Counter()
        for raw in names:
            name = first.get(raw, raw)
            times[name] += 1
            found[(name, times[name])] = None
            counts[(name, times[name])] += 1
    repeated = {name for name, number in found if number > 1}
    return [
        (name, number if name in repeated else None, counts[(name, number)] < len(lists)) for name, number in found
    ], aliases
