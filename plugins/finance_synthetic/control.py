"""Transactions with nothing to predict: the negative control."""

from __future__ import annotations

import numpy as np

from finance_synthetic.accounts import Accounts
from finance_synthetic.templates import Templates
from finance_synthetic.transactions import Transactions

__all__ = ["unstructured"]


def unstructured(rng: np.random.Generator, accounts: Accounts, texts: Templates) -> Transactions:
    """Every transaction is drawn by itself, each from the same distributions whatever came before.

    They are a second apart: the times of a history cannot all be independent, since they rise, so here they
    say as little as they can. Nothing depends on the account, and nothing on anything else of the transaction.
    """
    lengths = rng.lognormal(np.log(70.0), 0.6, len(accounts)).astype(np.int64).clip(1, 1_000)
    account = np.repeat(np.arange(len(accounts)), lengths)
    place = np.arange(len(account)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    opened = np.datetime64("2023-01-01", "s").astype(np.int64) + rng.integers(0, 2 * 365 * 86_400, len(accounts))
    sign = np.where(rng.random(len(account)) < 0.15, 1.0, -1.0)
    amount = np.round(rng.lognormal(np.log(40.0), 1.2, len(account)), 2).clip(0.01)
    template = rng.integers(0, len(texts.kinds), len(account))
    return Transactions(account, opened[account] + place, template, np.zeros(len(account), np.int64), sign * amount)
