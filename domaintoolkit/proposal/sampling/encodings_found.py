"""The encoding of a text file, by its bytes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

__all__ = ["decode_pieces", "find_encoding", "lenient", "settle_encoding"]

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

LETTERS = {
    "cp1252": "äöüßéèêëçñáíóúàâîïôûùåøæœãõÄÖÜÉÈÇÑÁÍÓÚÀÅØÆ€£°§«»–’“”„µ·º½®",
    "cp1250": "łąęśżźćńřěščžůőűťďňŁĄĘŚŻŹĆŃŘĚŠČŽŮŐŰăâîșţáéíóúýäöüß",
    "cp1254": "ğışİŞĞçöüÇÖÜâî",
    "cp1257": "ąčęėįšųūžĄČĘĖĮŠŲŪŽāēģīķļņõäöü",
}
"""Letters that are frequent in text of the encodings whose special letters stand alone among those of ASCII."""

WIDE = {
    "shift_jis": re.compile("[\u3041-\u30ff\u4e00-\u9fff]"),
    "euc_jp": re.compile("[\u3041-\u30ff]"),
    "euc_kr": re.compile("[\uac00-\ud7a3]"),
    "gb18030": re.compile("[\u4e00-\u9fff]"),
    "big5": re.compile("[\u4e00-\u9fff]"),
    "cp1251": re.compile("[а-яёі]"),
    "koi8_r": re.compile("[а-яё]"),
    "cp1253": re.compile("[α-ωάέήίόύώ]"),
    "cp1255": re.compile("[א-ת]"),
    "cp1256": re.compile("[\u0621-\u064a]"),
    "cp874": re.compile("[\u0e01-\u0e4e]"),
}
"""Characters that are frequent in text of the encodings whose words are written without ASCII."""

WORD_BYTES = 1.6
"""Bytes beyond ASCII that stand together, on average, from which on a text is not of Latin letters."""

LOOKED_AT = 1 << 17


def find_encoding(head: bytes) -> str:
    """The name of the encoding in which `head`, the beginning of a file, is text; UTF-8 if it can be that."""
    for mark, name in BOMS:
        if head.startswith(mark):
            return name
    wide = _without_mark(head)
    if wide is not None:
        return wide
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return _single(head)
    return "utf-8"


def settle_encoding(pieces: Sequence[bytes], encoding: str) -> str:
    """The encoding of a file whose beginning is in `encoding`: a few letters further on may show that it is another."""
    if encoding != "utf-8":
        return encoding
    good = bad = 0
    for piece in pieces:
        for run in re.finditer(rb"[\x80-\xff]+", piece):
            # a piece may begin and end within a character
            if run.start() == 0 or run.end() == len(piece):
                continue
            try:
                run[0].decode()
            except UnicodeDecodeError:
                bad += 1
            else:
                good += 1
    # in UTF-8 that is damaged in a few rows, most letters are as they should be
    return _single(b"\n".join(pieces)) if bad > good else "utf-8"


def _without_mark(head: bytes) -> str | None:
    """UTF-16 without a mark: nearly all characters of a table have a byte that is zero."""
    even, odd = head[0:4096:2].count(0), head[1:4096:2].count(0)
    half = max(len(head[:4096]) // 2, 1)
    if odd > 0.4 * half and even < 0.1 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 * half and odd < 0.1 * half else None


def _single(head: bytes) -> str:
    runs = re.findall(rb"[\x80-\xff]+", head)
    # a two-byte character may end in a byte of ASCII, so runs are taken with the letters that follow
    high = b" ".join(re.findall(rb"[\x80-\xff][\x40-\x7e\x80-\xff]*", head))[:LOOKED_AT]
    if sum(map(len, runs)) / len(runs) < WORD_BYTES:
        counts = {name: _share(high, name, re.compile(f"[{letters}]")) for name, letters in LETTERS.items()}
    else:
        counts = {name: _share(high, name, letters) for name, letters in WIDE.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] > 0.3 else "cp1252"


def _share(data: bytes, name: str, letters: re.Pattern[str]) -> float:
    """The share of the characters beyond ASCII that are frequent ones; 0 if the bytes are not of that encoding."""
    try:
        text = codecs.getincrementaldecoder(name)().decode(data)
    except UnicodeDecodeError:
        return 0.0
    others = [character for character in text if ord(character) > 127]
    return len(letters.findall(text)) / max(len(others), 1)


def lenient(encoding: str) -> str:
    """The way in which bytes that an encoding does not know are kept or, in UTF-16 and UTF-32, left out."""
    return "ignore" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"


def decode_pieces(pieces: Sequence[bytes], encoding: str) -> list[str]:
    """Pieces of one file as text; only the first has the mark that says in which order its bytes are."""
    exact = encoding
    if encoding in ("utf-16", "utf-32"):
        is_big = pieces[0].startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE))
        exact = f"{encoding}-{'be' if is_big else 'le'}"
    texts = [piece.decode(exact, errors=lenient(encoding)) for piece in pieces]
    return [texts[0].removeprefix("\ufeff") if exact != encoding else texts[0], *texts[1:]]
