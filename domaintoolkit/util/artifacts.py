"""JSON files with a format, a version and a checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domaintoolkit.errors import ArtifactError, NewerVersionError
from domaintoolkit.util.partials import write_atomic

__all__ = [
    "JsonText",
    "canonical_json",
    "check_seal",
    "file_checksum",
    "read_checked",
    "read_json",
    "seal",
    "write_json",
]

HEAD = ("format", "version", "checksum")


class JsonText(str):
    """A value of a payload that is JSON text already."""

    __slots__ = ()


_END = b"}\n"


def file_checksum(path: str | Path) -> str:
    """The SHA-256 of a file's content; raises `OSError` if it cannot be read."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(content: bytes, line: str) -> bytes:
    """The content with a last line that has its SHA-256, in the place of `{}` in `line`.

    For files that differ from run to run, such as those with times, and so have no place in another file's checksums.
    """
    return content + line.replace("{}", hashlib.sha256(content).hexdigest()).encode() + b"\n"


def check_seal(path: str | Path, line: str) -> None:
    """Raise `ArtifactError` if a file that `seal` made was altered, or has no seal."""
    raw = _read(path)
    # up to the last line, which itself ends in a line break
    content = raw[: raw[:-1].rfind(b"\n") + 1]
    if seal(content, line) != raw:
        raise ArtifactError(str(path), "was altered: its content does not match the checksum in its last line")


def canonical_json(data: Any) -> str:
    """One text for equal data: ASCII, no spaces, sorted keys; raises `ValueError` for NaN and infinities."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def write_json(path: str | Path, format: str, version: int, payload: Mapping[str, Any]) -> None:
    """Write `payload` as a JSON object that begins with its format, its version and its checksum.

    A list at the top level has a line for each of its items, so that differences are readable.
    """
    clash = [key for key in HEAD if key in payload]
    if clash:
        raise ValueError(f"the payload may not have the keys {clash}")
    body = _body(payload)
    write_atomic(path, _head(format, version, body) + body)


def read_json(path: str | Path, format: str, version: int) -> dict[str, Any]:
    """The payload that `write_json` wrote.

    Raises `ArtifactError` if the file is missing, cut short, altered or of another format, and
    `NewerVersionError` if its version is above `version`.
    """
    raw = _read(path)
    data = _parse(path, raw)
    found = data.get("format")
    if found != format:
        instead = f" but a {found} file" if isinstance(found, str) else ""
        raise ArtifactError(str(path), f"is not a {format} file{instead}")
    number = data.get("version")
    # `type`, since True is an instance of int
    if type(number) is not int or number < 1:
        raise ArtifactError(str(path), f"has no valid format version: {number!r}")
    if number > version:
        raise NewerVersionError(str(path), number, version)
    if number < version:
        raise ArtifactError(
            str(path), f"has format version {number}, and this version of domaintoolkit reads {version}; make it again"
        )
    _, newline, body = raw.partition(b"\n")
    # the head is written again and compared whole: it has one spelling, and no byte of it may differ
    if not newline or raw != _head(format, number, body) + body:
        raise ArtifactError(str(path), "was altered: its content does not match its checksum")
    return {key: value for key, value in data.items() if key not in HEAD}


def read_checked(path: str | Path, format: str, version: int, first: str) -> tuple[bytes, Any]:
    """The whole file that `write_json` wrote, and the value of its `first` key; the rest is not parsed.

    Raises what `read_json` raises, except for a payload that is not JSON although it matches its checksum.
    """
    raw = _read(path)
    line, newline, body = raw.partition(b"\n")
    key = f"{json.dumps(first)}: ".encode()
    if line + newline == _head(format, version, body) and body.startswith(key):
        try:
            # reads one value, and leaves what follows
            return raw, json.JSONDecoder().raw_decode(body.decode(), len(key))[0]
        except (ValueError, RecursionError):
            pass
    return raw, read_json(path, format, version).get(first)


def _head(format: str, version: int, body: bytes) -> bytes:
    checksum = hashlib.sha256(body).hexdigest()
    more = "" if body == _END else ","
    return f'{{"format": {json.dumps(format)}, "version": {version}, "checksum": "{checksum}"{more}\n'.encode()


def _body(payload: Mapping[str, Any]) -> bytes:
    encode = json.JSONEncoder(allow_nan=False).encode
    entries = []
    for key, value in payload.items():
        if isinstance(value, JsonText):
            text = str(value)
        elif isinstance(value, list) and value:
            text = "[\n" + ",\n".join([encode(item) for item in value]) + "\n]"
        else:
            text = encode(value)
        entries.append(f"{encode(key)}: {text}")
    return b"".join([",\n".join(entries).encode(), b"\n" if entries else b"", _END])


def _read(path: str | Path) -> bytes:
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        raise ArtifactError(str(path), "does not exist") from None
    except OSError as error:
        raise ArtifactError(str(path), error.strerror or str(error)) from None
    if not raw:
        raise ArtifactError(str(path), "is empty")
    return raw


def _parse(path: str | Path, raw: bytes) -> dict[str, Any]:
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        if not raw.endswith(_END):
            raise ArtifactError(str(path), "is cut short: it ends in the middle") from None
        raise ArtifactError(str(path), f"was altered: it is not valid JSON ({error})") from None
    if not isinstance(data, dict):
        raise ArtifactError(str(path), "does not hold a JSON object")
    return data
