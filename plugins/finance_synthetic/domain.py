"""The schema of a transaction, and the layout of its files."""

from dataclasses import replace
from functools import partial
from importlib.resources import files

from domaintoolkit.schema import Categorical, Column, Domain, Numeric, Reader, Schema, Text, Timestamp
from finance_synthetic.sample import sample

__all__ = ["CONTROL", "FINANCE"]

SCHEMA = Schema(
    entity=("account_id",),
    time="timestamp",
    static=(Categorical("account_type"), Categorical("age_group"), Categorical("region")),
    # When comes first, since the day of the month says what is due; then what for, how much, and in which
    # words: the text is the longest and the most particular, so it is predicted from all the rest.
    fields=(
        Timestamp("timestamp", parts=("month", "day", "weekday", "hour")),
        Categorical("merchant_category"),
        Numeric("amount", bins=64, strategy="log", sign=True),
        Text("description", vocabulary_size=1_000),
    ),
)

READER = Reader(
    columns=(
        Column("account_id"),
        Column("timestamp", type="timestamp", time_format="%Y-%m-%d %H:%M:%S"),
        Column("amount", type="float64"),
        Column("merchant_category"),
        Column("description"),
        Column("account_type"),
        Column("age_group"),
        Column("region"),
    ),
)

FINANCE = Domain(
    name="finance",
    description="simulated bank accounts: salary, rent, subscriptions and cards used in bursts",
    schema=SCHEMA,
    reader=READER,
    sample=sample,
    recipe=files("finance_synthetic") / "recipe.toml",
)

CONTROL = replace(
    FINANCE,
    name="finance-control",
    description="simulated bank accounts without any structure in time: a negative control",
    sample=partial(sample, structure=False),
)
