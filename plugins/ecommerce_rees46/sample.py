"""Simulated events in REES46's layout: not one row of them is real."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ecommerce_rees46.behaviour import CART, PURCHASE, draw_users, event_types, products
from ecommerce_rees46.catalogue import BRANDS_IN_CATEGORY, PRODUCTS_OF_BRAND, catalogue
from ecommerce_rees46.visits import event_times, session_names

__all__ = ["sample"]

USERS = 2_048
"""Users are simulated this many at a time; each lot has its own generator, so no lot depends on another."""

Ints = NDArray[np.int64]


def sample(events: int, seed: int) -> Iterator[pa.RecordBatch]:
    """Exactly `events` simulated rows, in lots of users; the rows of a lot are in the order of their times.

    A larger sample of the same seed begins with the same users and the same histories, but for the last user
    of the smaller one, whose history is cut short.
    """
    lot = 0
    while events > 0:
        batch = _lot(np.random.default_rng([seed, lot]), lot * USERS, events)
        events -= batch.num_rows
        lot += 1
        yield batch


def _lot(rng: np.random.Generator, first_user: int, limit: int) -> pa.RecordBatch:
    shop = catalogue()
    users = draw_users(rng, USERS, shop)
    user = np.repeat(np.arange(USERS), users.events)
    first = np.diff(user, prepend=-1) > 0
    types = event_types(rng, first, users.keenness[user])
    bought_at_once = (types == PURCHASE) & (np.roll(types, 1) == CART)
    starts = first | ((rng.random(len(user)) < users.sessions[user]) & ~bought_at_once)
    product = products(rng, users, shop, user, types, starts, first)
    pause = np.where(types == CART, 0.6, np.where(types == PURCHASE, 1.8, 1.0))
    times = event_times(rng, user, starts, pause, users.pause)
    names = session_names(rng, int(starts.sum()))
    kept = np.argsort(times[:limit], kind="stable")
    session = (np.cumsum(starts) - 1)[kept]
    return _rows(first_user + user[kept], types[kept], product[kept], times[kept], names, session)


def _rows(
    user: Ints, types: NDArray[np.int8], product: Ints, times: Ints, names: NDArray[np.uint8], session: Ints
) -> pa.RecordBatch:
    shop = catalogue()
    category = product // (BRANDS_IN_CATEGORY * PRODUCTS_OF_BRAND)
    sessions = pa.FixedSizeBinaryArray.from_buffers(pa.binary(36), len(names), [None, pa.py_buffer(names)])
    columns = {
        "event_time": pa.array(times * 1_000_000).cast(pa.timestamp("us", "UTC")),
        "event_type": pa.array(["view", "cart", "purchase"]).take(pa.array(types)),
        "product_id": pa.array(1_000_000 + product * 632_459 % (1 << 20)),
        "category_id": pa.array(shop.ids[category]),
        "category_code": shop.codes.take(pa.array(category)),
        "brand": shop.brands_of(product),
        "price": pa.array(shop.prices_of(product)),
        "user_id": pa.array(512_000_000 + user * 2_654_435_761 % (1 << 32)),
        "user_session": sessions.cast(pa.binary()).cast(pa.string()).take(pa.array(session)),
    }
    return pa.RecordBatch.from_pydict(columns)
