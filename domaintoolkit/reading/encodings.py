"""Text of any encoding as UTF-8, piece by piece; bytes that the encoding does not know stay apart from all text."""

from __future__ import annotations

import codecs
from typing import BinaryIO, cast

from domaintoolkit.errors import SourceError

__all__ = ["Transcoded", "as_utf8", "original", "with_utf8"]

MARKS = {
    "utf-16": {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"},
    "utf-32": {codecs.BOM_UTF32_LE: "utf-32-le", codecs.BOM_UTF32_BE: "utf-32-be"},
}
"""The marks at the beginning of a file that say in which order its bytes are."""

CHUNK = 1 << 20


class Transcoded:
    """A stream of bytes in `encoding`, read as UTF-8.

    A byte that the encoding does not know becomes a lone surrogate, which is not UTF-8: only its row is refused.
    `encoding` says the order of the bytes too.
    """

    def __init__(self, stream: BinaryIO, encoding: str, name: str) -> None:
        self._stream, self._name = stream, name
        self.encoding = encoding
        self._first = b""
        if encoding in MARKS:
            self._first = stream.read(4)  # the longest mark
            found = [each for mark, each in MARKS[encoding].items() if self._first.startswith(mark)]
            if self._first and not found:
                options = " or ".join(repr(each) for each in MARKS[encoding].values())
                raise SourceError(name, f"no byte order mark; set encoding = {options} in the reader")
            self.encoding = found[0] if found else encoding
        self._decoder = codecs.getincrementaldecoder(self.encoding)(_errors(self.encoding))

    def read(self, size: int = CHUNK) -> bytes:
        """Some more bytes, not always `size` of them; none only at the end."""
        while True:
            data, self._first = self._first or self._stream.read(size), b""
            try:
                text = self._decoder.decode(data, final=not data)
            except UnicodeError as error:
                raise SourceError(self._name, f"is not {self.encoding} text: {error}") from None
            if text or not data:
                return _encode(text)


def _errors(encoding: str) -> str:
    # in UTF a lone surrogate is what a file may hold; in other encodings it stands for a byte that they do not know
    return "surrogatepass" if encoding.startswith(("utf-16", "utf-32", "utf-8")) else "surrogateescape"


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")


def with_utf8(stream: BinaryIO, encoding: str, name: str) -> tuple[BinaryIO, str]:
    """The stream in UTF-8, and the exact name of its encoding."""
    if encoding == "utf-8":
        return stream, encoding
    made = Transcoded(stream, encoding, name)
    return cast("BinaryIO", made), made.encoding


def as_utf8(head: bytes, encoding: str) -> bytes:
    """The beginning of a file in UTF-8; what cannot be decoded is left out."""
    return head if encoding == "utf-8" else head.decode(encoding, errors="ignore").encode(errors="ignore")


def original(raw: bytes, encoding: str) -> bytes:
    """A row as UTF-8, or the bytes that it has in its file if these are not all text in its encoding."""
    if encoding == "utf-8":
        return raw
    try:
        raw.decode()
    except UnicodeDecodeError:
        return raw.decode(errors="surrogatepass").encode(encoding, errors=_errors(encoding))
    return raw
