"""Hand-made features from a schema's declared fields: the strong baseline that every user gets for nothing."""

from domaintoolkit.aggregates.aggregation import Aggregates, AggregateSettings, aggregate

__all__ = ["AggregateSettings", "Aggregates", "aggregate"]
