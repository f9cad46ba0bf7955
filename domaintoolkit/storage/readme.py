"""The page of an encoded folder: for people, and for `datasets`, which learns from it which files hold rows."""

from __future__ import annotations

import hashlib
from pathlib import Path

from domaintoolkit.util.partials import write_atomic

__all__ = ["README", "is_readme_whole", "write_readme"]

README = "README.md"

# The same for all folders, so that equal rows give equal bytes; numbers are in the manifest.
TEXT = b"""---
configs:
- config_name: default
  data_files: shards/*.arrow
---

# Token streams

Histories of events as token ids, written by domaintoolkit. `shards` holds one row for each entity, as Arrow files
(uncompressed, so that they can be memory-mapped): `polars.read_ipc`, `pandas.read_feather`,
`pyarrow.dataset.dataset("shards", format="ipc")` and `datasets.load_dataset` open them. `manifest.json` has their
number, the checksum of each and the schema; `tokenizer` names the tokens and decodes the ids.

| column | content |
|---|---|
| the first ones | the entity's key |
| `split` | `train`, `validation` or `test`; `datasets` calls all rows `train`, so filter by this column |
| `ids` | the token ids, unsigned; 32-bit signed ones index an embedding of torch |
| `event_starts` | the place in `ids` at which each event begins |
| `times` | the time of each event: microseconds since 1970, UTC |
| `labels` | the labels of each event |
| `order_by`, `statics`, `last_session`, `sessions`, `split_value` | what appending events needs |
"""


def write_readme(folder: Path) -> str:
    """Write the page into an encoded folder; gives its SHA-256."""
    write_atomic(folder / README, TEXT)
    return hashlib.sha256(TEXT).hexdigest()


def is_readme_whole(folder: Path, sha256: str) -> bool:
    """Return True if the page is there with this SHA-256; another version of this package writes another page."""
    path = folder / README
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256
