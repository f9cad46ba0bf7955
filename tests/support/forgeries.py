"""JSON files of an output, changed at random and given the right checksum again, as an attacker would."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from domaintoolkit.util.artifacts import write_json

VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 7, 1 << 40, 1 << 70, -1.5, 1e308, "", "x", "../../etc/passwd", "/dev/zero", "\x1b[31m", "\x00",
    [], [[]], [1, "x"], {}, {"x": 1}, "int64", "9" * 5000,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a value."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def forge(path: Path, draw: random.Random) -> str:
    """Change one value of a file; says which, and into what."""
    data = json.loads(path.read_bytes())
    head = {name: data.pop(name) for name in ("format", "version", "checksum")}
    listed = list(places(data))
    # top-level values are few, and as likely as all the others
    shallow = [place for place in listed if len(place) <= 2]
    place = draw.choice(shallow if draw.random() < 0.5 else listed)
    owner = data
    for key in place[:-1]:
        owner = owner[key]
    kind = draw.random()
    if kind < 0.15:
        owner.pop(place[-1])
        change = "removed"
    elif kind < 0.3 and isinstance(owner, list):
        owner.append(owner[place[-1]])
        change = "repeated"
    else:
        owner[place[-1]] = draw.choice(VALUES)
        change = repr(owner[place[-1]])[:60]
    write_json(path, head["format"], head["version"], data)
    return f"{path.name}{list(place)}: {change}"
