"""The type of a file, recognised from its first bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from domaintoolkit.reading.encodings import as_utf8

__all__ = ["Kind", "Recognised", "named_kind", "recognise"]

Packing = Literal["gzip", "zip", "bzip2", "xz", "Zstandard"]
Kind = Literal["csv", "json lines", "parquet", "arrow", "arrow stream", "excel", "empty"]


@dataclass(frozen=True, slots=True)
class Recognised:
    """A file's `kind`, or its `packing`, or neither; `text` names it in messages."""

    text: str
    kind: Kind | None = None
    packing: Packing | None = None


READ = {
    b"PAR1": Recognised("Parquet", kind="parquet"),
    b"ARROW1": Recognised("an Arrow file", kind="arrow"),
    b"\xff\xff\xff\xff": Recognised("an Arrow stream", kind="arrow stream"),
    b"\x1f\x8b": Recognised("gzip", packing="gzip"),
    b"PK\x03\x04": Recognised("zip", packing="zip"),
    b"PK\x05\x06": Recognised("an empty zip file", packing="zip"),
    b"BZh": Recognised("bzip2", packing="bzip2"),
    b"\xfd7zXZ": Recognised("xz", packing="xz"),
    b"\x28\xb5\x2f\xfd": Recognised("Zstandard", packing="Zstandard"),
}
FOREIGN = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"PARE": "encrypted Parquet",
    b"\x04\x22\x4d\x18": "LZ4-compressed data (unpack it first)",
    b"7z\xbc\xaf": "a 7z archive (unpack it first)",
    b"Rar!": "a RAR archive (unpack it first)",
    b"version https://git-lfs": "a pointer of Git LFS (fetch the file itself: git lfs pull)",
    b"SQLite format 3": "an SQLite database",
    b"Obj\x01": "Avro",
    b"ORC": "ORC",
    b"FEA1": "Feather version 1 (write it as Arrow or Parquet)",
    b"\x89HDF": "HDF5",
    b"\xd0\xcf\x11\xe0": "an old Office document (save the table as .xlsx or CSV)",
    b"\x7fELF": "a program",
    b"\xff\xfe": "UTF-16 text (set encoding = 'utf-16' in the reader)",
    b"\xfe\xff": "UTF-16 text (set encoding = 'utf-16' in the reader)",
}
NAMED = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".gz": "gzip",
    ".zip": "zip",
    ".bz2": "bzip2",
    ".xz": "xz",
    ".zst": "Zstandard",
}


def recognise(head: bytes, encoding: str = "utf-8") -> Recognised:
    """The type of a file that begins with `head` (a kilobyte is enough), its text in `encoding`.

    Any text that is not JSON counts as CSV.
    """
    for magic, known in READ.items():
        if head.startswith(magic):
            return known
    for magic, text in FOREIGN.items():
        # "ORC" may also be the first header of a CSV file
        if head.startswith(magic) and not (magic == b"ORC" and b"," in head[:64]) and encoding == "utf-8":
            return Recognised(text)
    # tar has its magic after the first member's name, mode, owner, size and checksum
    if head[257:262] == b"ustar":
        return Recognised("a tar archive (unpack it first)")
    if not head:
        return Recognised("an empty file", kind="empty")
    head = as_utf8(head, encoding).removeprefix(b"\xef\xbb\xbf")
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html", b"<?xml")):
        return Recognised("a web page or XML")
    # [1, 2] may be the first line of a CSV file, but not [[ or [{
    if re.match(rb"\s*(\{|\[\s*[\[{])", head):
        return _recognise_json(head.lstrip())
    if (order := _zeros(head)) and encoding == "utf-8":
        return Recognised(f"UTF-16 text without its mark (set encoding = '{order}' in the reader)")
    if b"\0" in re.split(rb"[\r\n]", head, maxsplit=1)[0]:
        return Recognised("binary data (NUL bytes in the first line)")
    return Recognised("text", kind="csv")


def _zeros(head: bytes) -> str:
    """The encoding of Latin text in which every other byte is zero; "" for any other."""
    even, odd = head[0:200:2], head[1:200:2]
    for zeros, text, order in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if len(zeros) > 3 and not any(zeros) and all(each in b"\t\n\r" or 32 <= each < 127 for each in text):
            return order
    return ""


def _recognise_json(head: bytes) -> Recognised:
    line, end, _ = head.partition(b"\n")
    if line.startswith(b"["):
        return Recognised("a JSON array (write one object a line, as JSON lines)")
    if re.match(rb"\{\s*(u?'|u\")", line):
        return Recognised(
            "Python literals, not JSON (write each line as JSON: json.dumps(ast.literal_eval(line)) makes one of it)"
        )
    if re.match(rb"\{\s*[\"}]", line) and (not end or line.rstrip().endswith(b"}")):
        return Recognised("JSON lines", kind="json lines")
    if re.match(rb"\{\s*(\"|\Z)", line):
        return Recognised("a JSON document of many lines (write one object a line, as JSON lines)")
    return Recognised("text", kind="csv")


def named_kind(name: str) -> str | None:
    """The type that the ending of a file's name promises; None if it promises text or nothing."""
    lowered = name.lower()
    return next((kind for suffix, kind in NAMED.items() if lowered.endswith(suffix)), None)
