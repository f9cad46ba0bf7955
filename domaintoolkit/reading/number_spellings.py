"""Points out columns of text that spell whole numbers in two ways: `13085` and `13085.0` are two values of text."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["NumberSpellings"]

LOOKED_AT = 4096
"""Values of a part that are looked at."""

EARLY = 3
"""Parts of a file in which plain whole numbers are looked for, if no number with a point was found yet."""

WHOLE, POINT = r"^-?(?:0|[1-9][0-9]*)$", r"^-?(?:0|[1-9][0-9]*)\.0$"


@dataclass
class NumberSpellings:
    """The spellings of numbers in the files of a pass so far: for each of both ways, a value and its file."""

    whole: dict[str, tuple[str, str]] = field(default_factory=dict)
    point: dict[str, tuple[str, str]] = field(default_factory=dict)
    noted: set[str] = field(default_factory=set)

    def look(self, column: str, values: pa.Array, file: str, part: int) -> str | None:
        """Look at some values of a column; give a note when it has both ways for the first time."""
        if column in self.noted:
            return None
        texts = (values.dictionary if pa.types.is_dictionary(values.type) else values)[:LOOKED_AT]
        if column not in self.point and pc.any(pc.ends_with(texts, ".0")).as_py():
            self._find(self.point, column, texts, POINT, file)
        # most columns have no number with a point: they are not searched any further
        if column not in self.whole and (part < EARLY or column in self.point):
            self._find(self.whole, column, texts, WHOLE, file)
        if column not in self.point or column not in self.whole:
            return None
        self.noted.add(column)
        (pointed, there), (plain, here) = self.point[column], self.whole[column]
        return (
            f"column {column!r} spells numbers in two ways, {pointed!r} ({there}) and {plain!r} ({here}), which stay "
            f"different values; type = 'int64' with spelling = 'any' reads 5.0 and 5 as one"
        )

    def _find(self, seen: dict[str, tuple[str, str]], column: str, texts: pa.Array, pattern: str, file: str) -> None:
        found = texts.filter(pc.match_substring_regex(texts, pattern))
        if len(found):
            seen[column] = (found[0].as_py(), file)
