"""The schema of a shop's event, and the layout of REES46's files."""

from importlib.resources import files

from domaintoolkit.schema import Categorical, Column, Domain, Numeric, Reader, Schema, Timestamp
from ecommerce_rees46.sample import sample

__all__ = ["ECOMMERCE", "READER", "SCHEMA"]

SCHEMA = Schema(
    entity=("user_id",),
    time="event_time",
    session="user_session",
    # From coarse to fine, so that each field narrows the next: what happened, in which category, of which
    # brand, which product, and its price, which is all but fixed by then. How long it took comes last.
    # With min_count=2 the fitted rows hold spelled and hashed values too, and a model learns to expect them.
    fields=(
        Categorical("event_type"),
        Categorical("category_code", separator=".", min_count=2),
        Categorical("brand", max_size=5_000, min_count=2),
        Categorical("product_id", max_size=1_000, min_count=5, unseen="hash", hash_buckets=512),
        Numeric("price", bins=64),
        Timestamp("event_time", parts=("weekday", "hour")),
    ),
)

READER = Reader(
    columns=(
        Column("event_time", type="timestamp", time_format="%Y-%m-%d %H:%M:%S UTC"),
        Column("event_type"),
        Column("product_id", type="int64"),
        Column("category_id", type="int64"),
        Column("category_code"),
        Column("brand"),
        Column("price", type="float64"),
        Column("user_id", type="int64"),
        Column("user_session"),
    ),
)

ECOMMERCE = Domain(
    name="ecommerce",
    description="a multi-category shop: views, carts and purchases (REES46's layout)",
    schema=SCHEMA,
    reader=READER,
    sample=sample,
    recipe=files("ecommerce_rees46") / "recipe.toml",
)
