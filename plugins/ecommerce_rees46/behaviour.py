"""The behaviour of simulated users: their kinds, the funnel, and the products that they return to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecommerce_rees46.catalogue import BRANDS_IN_CATEGORY, PRODUCTS_OF_BRAND, Catalogue, pick, zipf

__all__ = ["CART", "PURCHASE", "VIEW", "Users", "draw_users", "event_types", "products"]

VIEW, CART, PURCHASE = 0, 1, 2

# browsers, shoppers, buyers, scrapers
SHARE = (0.63, 0.30, 0.055, 0.015)
LONGER = (0.9, 1.1, 1.5, 3.0)
KEENNESS = np.array([0.3, 1.4, 4.0, 0.0])
"""The readiness of each kind to put a product into the cart or buy it, relative to the average event."""
PAUSE = (34.0, 34.0, 28.0, 3.0)
NEW_PRODUCT = (0.62, 0.6, 0.5, 1.0)

TO_PURCHASE = (0.0107, 0.27, 0.03)
TO_CART = (0.0215, 0.12, 0.02)
"""Chance of what follows a view, a cart and a purchase; those after a view are scaled by keenness."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Types = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Users:
    """One entry a user."""

    events: Ints
    keenness: Floats
    pause: Floats
    new_product: Floats
    sessions: Floats
    """Chance that an event starts a session."""
    favourites: Ints
    """(users, 3) categories."""


def draw_users(rng: np.random.Generator, size: int, shop: Catalogue) -> Users:
    """Users of four kinds, with a heavy tail of lengths: about 29 events on average."""
    kind = pick(np.cumsum(SHARE), rng.random(size))
    weight = np.multiply(SHARE, LONGER)
    keenness = KEENNESS / (weight @ KEENNESS / weight.sum())
    length = rng.lognormal(np.log(14.0), 1.15, size) * np.take(LONGER, kind)
    return Users(
        events=length.astype(np.int64).clip(1, 2_000),
        keenness=keenness[kind],
        pause=np.take(PAUSE, kind),
        new_product=np.take(NEW_PRODUCT, kind),
        sessions=rng.uniform(0.1, 0.35, size),
        favourites=shop.draw(rng.random((size, 3))),
    )


def event_types(rng: np.random.Generator, first: Bools, keenness: Floats) -> Types:
    """Views, carts and purchases as a Markov chain within each user; `first` marks each user's first event.

    Nearly every event follows a view, so all are drawn as if they did, and those that do not are drawn again
    from the same number until none changes: a handful of rounds, whatever the number of events.
    """
    chance = rng.random(len(first))

    def after(previous: Types, at: Ints) -> Types:
        scale = np.where(previous == VIEW, keenness[at], 1.0)
        purchase = np.take(TO_PURCHASE, previous) * scale
        cart = purchase + np.take(TO_CART, previous) * scale
        drawn = chance[at]
        return np.where(drawn < purchase, PURCHASE, np.where(drawn < cart, CART, VIEW)).astype(np.int8)

    types = after(np.zeros(len(first), np.int8), np.arange(len(first)))
    changed = np.flatnonzero(types != VIEW)
    while changed.size:
        following = changed[changed + 1 < len(first)] + 1
        following = following[~first[following]]
        again = after(types[following - 1], following)
        differs = again != types[following]
        changed = following[differs]
        types[changed] = again[differs]
    return types


def products(
    rng: np.random.Generator, users: Users, shop: Catalogue, user: Ints, types: Types, starts: Bools, first: Bools
) -> Ints:
    """The product number of each event. Carts and purchases are of the product in hand; views wander.

    Categories, brands and products are each kept until something starts a new one, so a choice is drawn only
    where it changes and filled forward from there.
    """
    view = types == VIEW
    chance = rng.random((3, len(user)))
    switch = first | (view & (chance[0] < np.where(starts, 0.55, 0.05)))
    product = switch | (view & (chance[1] < users.new_product[user]))
    brand = switch | (product & (chance[2] < 0.3))
    category: Ints = _favourite(rng, users, shop, user[switch])[np.cumsum(switch) - 1]
    place = _ranks(rng, BRANDS_IN_CATEGORY, 1.2, brand)
    rank = _ranks(rng, PRODUCTS_OF_BRAND, 1.0, product)
    return (category * BRANDS_IN_CATEGORY + place) * PRODUCTS_OF_BRAND + rank


def _favourite(rng: np.random.Generator, users: Users, shop: Catalogue, user: Ints) -> Ints:
    """One of the user's own categories, mostly the first, or now and then any."""
    which: Ints = np.searchsorted((0.55, 0.78, 0.9), rng.random(len(user)))
    anything = shop.draw(rng.random(len(user)))
    chosen: Ints = np.where(which < 3, users.favourites[user, which.clip(0, 2)], anything)
    return chosen


def _ranks(rng: np.random.Generator, size: int, exponent: float, drawn: Bools) -> Ints:
    ranks = pick(zipf(size, exponent), rng.random(int(drawn.sum())))
    filled: Ints = ranks[np.cumsum(drawn) - 1]
    return filled
