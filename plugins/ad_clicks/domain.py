"""The schema of a click, and the layout of TalkingData's files."""

from dataclasses import replace
from importlib.resources import files

from ad_clicks.sample import sample, sample_with_kinds
from domaintoolkit.schema import Categorical, Column, Domain, Reader, Schema, Timestamp

__all__ = ["ADS", "ADS_BOTS"]

SCHEMA = Schema(
    entity=("ip",),
    time="click_time",
    # Which device clicked comes first, since several share an ip; then what it clicked on, and last when,
    # which is what gives a bot away. A count of 2 leaves spelled values in the fitted rows to learn from.
    fields=(
        Categorical("device", min_count=2),
        Categorical("os", min_count=2),
        Categorical("app", min_count=2),
        Categorical("channel", min_count=2),
        Timestamp("click_time", parts=("weekday", "hour")),
    ),
    labels=("is_attributed",),
    # The time of the download exists only if the label is 1.
    leaks=("attributed_time",),
)

READER = Reader(
    columns=(
        Column("ip", type="int64"),
        Column("app", type="int64"),
        Column("device", type="int64"),
        Column("os", type="int64"),
        Column("channel", type="int64"),
        Column("click_time", type="timestamp", time_format="%Y-%m-%d %H:%M:%S"),
        Column("attributed_time", type="timestamp", time_format="%Y-%m-%d %H:%M:%S"),
        Column("is_attributed", type="int64"),
    ),
)

ADS = Domain(
    name="ads",
    description="clicks on advertisements, with app downloads as label (TalkingData's layout)",
    schema=SCHEMA,
    reader=READER,
    sample=sample,
    recipe=files("ad_clicks") / "recipe.toml",
    bot_rules=("steady", "sleepless", "cycles:channel", "varies:device", "varies:channel", "repeats:app"),
)

ADS_BOTS = Domain(
    name="ads-bots",
    description="simulated clicks with a second label: whether a person or which kind of bot clicked",
    schema=replace(SCHEMA, labels=("is_attributed", "clicker")),
    reader=replace(READER, columns=(*READER.columns, Column("clicker"))),
    sample=sample_with_kinds,
    recipe=files("ad_clicks") / "recipe.toml",
    bot_rules=("steady", "sleepless", "cycles:channel", "varies:device", "varies:channel", "repeats:app"),
)
