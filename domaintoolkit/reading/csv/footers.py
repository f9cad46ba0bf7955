"""Lines below the rows of a table, such as totals and counts of rows: recognised by their words."""

from __future__ import annotations

import json
import re

__all__ = ["FOOTER", "is_footer"]

FOOTER = 8
"""Lines below the rows of a table, at most."""

_WORDS = re.compile(
    r"\W*(?:(?:grand|sub|running|report|summe|zwischen)[- ]?)?(?:totals?|sum|summe|gesamt\w*|insgesamt|somme|suma|"
    r"somma|totale|totaal|totalt|razem|celkem|yhteensä|итого|всего|合計|总计|average|avg|mean|mittelwert|moyenne|"
    r"end|eof|ende|fin|fine|generated|exported|printed|created|source|sources|quelle|note|notes|page|seite|copyright|©|"
    r"records?|rows?|rowcount|row count|number of (?:rows|records)|"
    r"\(?\d[\d.,]* (?:rows?|records?|lines|zeilen|lignes)\b.*)"
    r"(?:\W.*)?|(?:--+|==+|\*\*+|##+|//).*",
    re.IGNORECASE | re.DOTALL,
)
"""The first value of a line that is not a row."""

_SPLIT = re.compile(r"[,;\t|]")


def is_footer(raw: bytes, is_json: bool = False) -> bool:
    """Return True if a line looks like one below a table; a row of a sheet comes as JSON."""
    text = raw.decode(errors="replace")
    if is_json:
        first = next((str(value) for value in json.loads(text).values() if value is not None), "")
    else:
        first = next((part for part in _SPLIT.split(text) if part.strip("\"' ")), "")
    return _WORDS.fullmatch(first.strip("\"' \r\n")) is not None
