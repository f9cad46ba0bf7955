"""The names of a table's columns, for people."""

from __future__ import annotations

__all__ = ["column_name", "is_better_higher"]

NAMES = {
    "bits": "bits an event (test)",
    "inner_parameters": "parameters without embeddings",
    "training_events": "training events",
    "flops": "FLOPs of training",
    "recall": "recall@10, mean over parts",
    "seconds_a_step": "seconds a step",
    "gain": "bits saved over the best baseline",
    "value_bits": "bits of the values an event",
    "embedding_norm": "mean norm of the embeddings",
    "invalidation": "invalidation rate",
}


def column_name(column: str) -> str:
    """A column as it is called on pages."""
    return NAMES.get(column, column)


def is_better_higher(column: str) -> bool:
    """True if more of what a column measures is better."""
    return column in ("gain", "invalidation") or column.partition(".")[0] in ("recall", "auroc")
