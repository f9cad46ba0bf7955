"""The pages that are made from the code: run this file to write them again."""

from __future__ import annotations

import inspect
from dataclasses import MISSING
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from click.testing import CliRunner

from domaintoolkit.cli.main import COMMANDS, main
from domaintoolkit.cli.recipe_options import HELP
from domaintoolkit.model import EVENT_PRESETS, PRESETS, event_parameters, event_preset, parameters, preset
from domaintoolkit.reading.sample import read_sample
from domaintoolkit.registry import get_domain
from domaintoolkit.schema import Categorical, Column, Composite, Custom, Numeric, Reader, Schema, Split, Text, Timestamp
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.train import Recipe

ROOT = Path(__file__).parents[2]

COMMANDS_HEAD = """# Commands

Made from the commands' own help texts.

Exit status: 0 for success, 1 for bad data, 2 for bad usage, 3 for `drift`'s verdict, 130 after Ctrl-C.
"""

SCHEMA_HEAD = """# Schema reference

A schema says what an event is: in Python, as `domaintoolkit.Schema`, or in TOML with the same names. In TOML a
field is a table of the list `fields` (or `static`), with its `type`. Unknown names are errors; all problems of a
file are reported together, each with its path. A schema file may also have a table `[reader]`; in it, `columns` may
be left out if the files' headers are the schema's names.

This page is made from the code.
"""

RECIPE_HEAD = """# Recipe reference

A recipe has every setting of a training run. It is a TOML file of its own, or the table `[train]` of one; each setting
is also an option of [`train`](commands.md#train), with dashes in place of underscores. `train` writes all settings of a
run, defaults included, to `RUN/recipe.toml`.

```toml
family = "event"
preset = "410k"
model = { part_width = 64 }
block = 128
batch = 8
steps = 400
learning_rate = 4e-3
```

Unknown settings, and settings that have no effect beside others, are errors; all problems are reported together. A step
is `accumulation` batches of `batch` blocks of `block` positions on each device.

This page is made from the code.
"""

RECIPE_TAIL = """
## The table `model`

`model` changes settings of the preset, in TOML as a table and on the command line as `--model position=rope`.
`dropout`, `position` (`none`, `rope`, `learned`, `rope+learned`), `norm`, `activation`, `multiple`, `bias`, `parallel`,
`tied`, `width`, `layers` and `heads` are settings of both families; `part_width`, `sequential`, `recent`, `large`,
`large_from` and `negatives` are those of event models. [The classes](python.md#models) `TokenModelConfig` and
`EventModelConfig` explain them.
"""

RECIPE_GROUPS = {
    "Model and data": ("family", "preset", "model", "segmentation", "held_out", "block", "batch", "accumulation"),
    "Length": ("steps", "epochs", "patience"),
    "Learning rate": (
        "learning_rate", "scaling", "scaling_positions", "schedule", "warmup", "floor", "restart_every",
    ),
    "Optimizer": (
        "beta1", "beta2", "epsilon", "weight_decay", "clip",
        "embedding_penalty", "embedding_penalty_form", "embedding_norm",
    ),
    "Device": ("precision", "compile", "parallel", "seed"),
    "Evaluation and checkpoints": ("evaluate_every", "evaluate_blocks", "checkpoint_every", "keep", "trackers"),
}  # fmt: skip

PRESETS_HEAD = """# Presets

The sizes of models, by name: `--preset 410k`, or `preset = "410k"` in a recipe. A preset is named by the parameters of
its decoder, without embeddings; only `24m` and `330m` have the names that published works gave them, by their total.
The last column is for a token model with 4,000 tokens.

This page is made from the code.
"""

EVENT_PRESETS_HEAD = """
An event model has the same decoder, and heads for the parts of events beside it. So it has presets of its own, which
are named by all parameters outside the embeddings, with the schema of the shop; more parts of an event make its heads
larger. `train` prints the number at the end.

| preset | width | layers | heads | part_width | outside the embeddings |
|---|---|---|---|---|---|"""

PRESETS_TAIL = """
## Which one?

- A sample of some hundred thousand events, on a laptop: `410k`, in minutes.
- Millions of events: `3m` to `12m`; with a GPU, `24m`.
- More parameters than tokens to train on is too much. `domaintoolkit plan` estimates memory, time and cost:

```
domaintoolkit plan --preset 24m --gpu l4 --tokens 62.7M
domaintoolkit plan shop --preset 85m --gpu h100 --batch 64 --block 1024
```

Every number of a preset can be changed: `--model layers=3 --model width=192`. The width is a multiple of the heads.
"""

DECLARATIONS: tuple[tuple[type[Any], str], ...] = (
    (Schema, "the top level of the file"),
    (Categorical, 'type = "categorical"'),
    (Numeric, 'type = "numeric"'),
    (Timestamp, 'type = "timestamp"'),
    (Text, 'type = "text"'),
    (Custom, 'type = "custom"'),
    (Split, "the table [split]"),
    (Composite, "the table [composite]"),
    (Reader, "the table [reader]"),
    (Column, "a table of the list reader.columns"),
)


def command_reference() -> str:
    """docs/reference/commands.md"""
    parts = [COMMANDS_HEAD, "```text", _help(), "```"]
    for name in COMMANDS:
        parts += ["", f"## {name}", "", "```text", _help(name), "```"]
    return "\n".join(parts) + "\n"


def _help(*names: str) -> str:
    result = CliRunner().invoke(main, [*names, "--help"], prog_name="domaintoolkit", terminal_width=100)
    return "\n".join(line.rstrip() for line in result.stdout.rstrip().splitlines())


def schema_reference() -> str:
    """docs/reference/schema.md"""
    return SCHEMA_HEAD + "".join(_declaration(kind, place) for kind, place in DECLARATIONS)


def _declaration(kind: type[Any], place: str) -> str:
    hints = get_type_hints(kind)
    lines = [
        "",
        f"## {kind.__name__}",
        "",
        f"{place[0].upper()}{place[1:]}" if " = " not in place else f"`{place}`",
        "",
    ]
    lines += [inspect.cleandoc(kind.__doc__ or ""), "", "| setting | type | default |", "|---|---|---|"]
    for name, parameter in inspect.signature(kind).parameters.items():
        if name != "type" or kind is Column:
            lines.append(f"| `{name}` | {_type(hints[name])} | {_default(parameter)} |")
    return "\n".join(lines) + "\n"


def _type(hint: Any) -> str:
    """The type of a setting as TOML knows it."""
    kind, parts = get_origin(hint), [each for each in get_args(hint) if each is not NoneType]
    if kind is Literal:
        return " or ".join(f"`{value!r}`" for value in parts).replace("'", '"').replace("False", "false")
    if kind is Annotated:
        return _type(parts[0])
    if kind in (Union, UnionType):
        if Categorical in [get_args(each)[0] if get_origin(each) is Annotated else each for each in parts]:
            return "field"
        return " or ".join(_type(each) for each in parts)
    if kind is tuple:
        return "table of numbers" if get_origin(parts[0]) is tuple else f"list of {_plural(_type(parts[0]))}"
    if kind is not None:
        return "table"
    return {str: "text", int: "whole number", float: "number", bool: "true or false"}.get(hint, hint.__name__)


def _plural(words: str) -> str:
    return f"{words.lower()}s" if words in ("text", "number", "whole number", "field", "Column") else words


def _default(parameter: inspect.Parameter) -> str:
    value = parameter.default
    if value is inspect.Parameter.empty:
        return "needed"
    if value is None or value == () or "factory" in repr(value):
        return "-"
    if isinstance(value, tuple):
        value = list(value)
    return f"`{value!r}`".replace("'", '"').replace("True", "true").replace("False", "false")


def recipe_reference() -> str:
    """docs/reference/recipe.md"""
    hints, parts = get_type_hints(Recipe), [RECIPE_HEAD]
    grouped = {name for names in RECIPE_GROUPS.values() for name in names}
    others = tuple(name for name in Recipe.__dataclass_fields__ if name not in grouped)
    for title, names in (RECIPE_GROUPS | ({"Others": others} if others else {})).items():
        parts += [f"\n## {title}\n", "| setting | type | default | meaning |", "|---|---|---|---|"]
        for name in names:
            default = Recipe.__dataclass_fields__[name]
            written = _default(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_declared(default)))
            kind = "table" if name == "model" else _type(hints[name])
            parts.append(f"| `{name}` | {kind} | {written} | {_help_of_setting(name)} |")
    return "\n".join(parts) + "\n" + RECIPE_TAIL


def _declared(setting: Any) -> Any:
    return inspect.Parameter.empty if setting.default is MISSING else setting.default


def _help_of_setting(name: str) -> str:
    return HELP[name].partition("  [default")[0].replace("|", "\\|")


def preset_reference() -> str:
    """docs/models/presets.md"""
    lines = [
        PRESETS_HEAD,
        "| preset | width | layers | heads | decoder | with embeddings |",
        "|---|---|---|---|---|---|",
    ]
    for name, shape in PRESETS.items():
        whole, inside = parameters(preset(name, 4_000))
        numbers = (f"{number:,}" for number in (*shape.values(), inside, whole))
        lines.append(f"| `{name}` | {' | '.join(numbers)} |")
    lines.append(EVENT_PRESETS_HEAD)
    shop = get_domain("ecommerce")
    grammar = DomainTokenizer(shop.schema).fit(read_sample(shop, 500).read_all()).grammar
    for name, shape in EVENT_PRESETS.items():
        _, inside = event_parameters(event_preset(name, 4_000), grammar)
        lines.append(f"| `{name}` | {' | '.join(f'{number:,}' for number in (*shape.values(), inside))} |")
    return "\n".join(lines) + "\n" + PRESETS_TAIL


PAGES = {
    "docs/reference/commands.md": command_reference,
    "docs/reference/schema.md": schema_reference,
    "docs/reference/recipe.md": recipe_reference,
    "docs/models/presets.md": preset_reference,
}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (ROOT / name).write_text(make(), encoding="utf-8")
