"""Simulated bank accounts: not one row of them is real."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from finance_synthetic.accounts import AGE_GROUPS, TYPES, draw_accounts
from finance_synthetic.control import unstructured
from finance_synthetic.templates import REGIONS, templates
from finance_synthetic.transactions import Transactions, monthly_payments, refunds, shopping

__all__ = ["sample"]

ACCOUNTS = 512
"""Accounts are simulated this many at a time; each lot has its own generator, so no lot depends on another."""


def sample(events: int, seed: int, structure: bool = True) -> Iterator[pa.RecordBatch]:
    """Exactly `events` simulated rows, in lots of accounts; the rows of a lot are in the order of their times.

    With `structure=False` every transaction is drawn by itself, its description one of 84 texts at random. A
    larger sample of the same seed begins with the same accounts and the same histories, but for the last
    account of the smaller one, whose history is cut short.
    """
    lot = 0
    while events > 0:
        batch = _lot(np.random.default_rng([seed, lot]), lot * ACCOUNTS, events, structure)
        events -= batch.num_rows
        lot += 1
        yield batch


def _lot(rng: np.random.Generator, first: int, limit: int, structure: bool) -> pa.RecordBatch:
    accounts, texts = draw_accounts(rng, ACCOUNTS), templates()
    if structure:
        bought = shopping(rng, accounts, texts)
        all_of_it = Transactions.joined([monthly_payments(rng, accounts, texts), bought, refunds(rng, bought)])
    else:
        all_of_it = unstructured(rng, accounts, texts)
    category = all_of_it.template if structure else rng.integers(0, len(texts.kinds), len(all_of_it.time))
    kept = np.argsort(all_of_it.time[:limit], kind="stable")
    account = all_of_it.account[kept]
    columns = {
        "account_id": _numbers(first).take(pa.array(account)),
        "timestamp": pa.array(all_of_it.time[kept] * 1_000_000).cast(pa.timestamp("us", "UTC")),
        "amount": pa.array(all_of_it.amount[kept]),
        "merchant_category": pa.array(texts.categories).take(pa.array(category[kept])),
        "description": texts.describe(all_of_it.template[kept], all_of_it.shop[kept]),
        "account_type": pa.array(TYPES).take(pa.array(accounts.type[account])),
        "age_group": pa.array(AGE_GROUPS).take(pa.array(accounts.age[account])),
        "region": pa.array(REGIONS).take(pa.array(accounts.region[account])),
    }
    return pa.RecordBatch.from_pydict(columns)


def _numbers(first: int) -> pa.Array:
    """Account numbers that do not give away the order of the accounts; no two are alike."""
    return pa.array([f"AC{(first + i + 1) * 2_654_435_761 % (1 << 32):010d}" for i in range(ACCOUNTS)])
