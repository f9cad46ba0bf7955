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
    "markov_bits": "Markov, bits an event",
    "unigram_bits": "unigram, bits an event",
}
PREFIXES = {"auroc": "AUROC", "bits": "bits", "recall": "recall@10"}
"""Of columns that are about a label or a field."""


def column_name(column: str) -> str:
    """A column as it is called on pages."""
    if column in NAMES:
        return NAMES[column]
    kind, _, rest = column.partition(".")
    return f"{PREFIXES[kind]} of {rest}" if kind in PREFIXES and rest else column.replace("_", " ")


def is_better_higher(column: str) -> bool:
    """True if more of what a column measures is better."""
    return column in ("gain", "invalidation") or column.partition(".")[0] in ("recall", "auroc")
