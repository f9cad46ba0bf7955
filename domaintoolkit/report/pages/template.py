"""Pages from templates: one file, no network, and nothing in the data can become HTML or a script."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from domaintoolkit.report.charts import Figure

__all__ = ["RenderedPage", "embed_json", "pack", "render_page"]

PLACE = "domaintoolkit.report.pages"


class RenderedPage(NamedTuple):
    """A page, and the pictures on it."""

    html: str
    figures: list[Figure]


def render_page(template: str, scripts: tuple[str, ...], data: object, **context: Any) -> str:
    """A page of a template; `data` is what its scripts read.

    The page says which scripts may run, by their hashes, so that no other ever does.
    """
    code = [_read(name) for name in scripts]
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in code)
    return _environment().get_template(template).render(
        **context, styles=Markup(_read("style.css") + _read("charts.css")), code=[Markup(text) for text in code],  # noqa: S704
        data=embed_json(data), script_hashes=Markup(hashes),  # noqa: S704
    )  # fmt: skip


def embed_json(data: object) -> Markup:
    """Data as JSON that no reader of HTML takes for the end of its element."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - it holds none of the characters that HTML gives a meaning


def pack(values: NDArray[Any]) -> str:
    """An array as base64 of its bytes, the lowest first."""
    return base64.b64encode(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()).decode()


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        # `autoescape` writes all text of the data as text
        loader=jinja2.FunctionLoader(_read), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters["markup"] = Markup
    return made


def _read(name: str) -> str:
    return files(PLACE).joinpath(name).read_text(encoding="utf-8")
