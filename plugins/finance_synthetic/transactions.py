"""The transactions of simulated accounts: monthly payments, and shopping trips in bursts, with the seasons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finance_synthetic.accounts import MONTHS, Accounts
from finance_synthetic.templates import STORES, Templates

__all__ = ["Transactions", "monthly_payments", "refunds", "shopping"]

CARD_CATEGORIES = 14
OF_CATEGORY = 4
PATH = np.array([1, 12, 0, 6, 4, 11, 0, 8, 1, 9, 1, 13, 4, 0])
"""The categories that a trip continues to, from each card category: from fuel to groceries, ..."""
SEASON = (0.75, 0.8, 0.9, 0.95, 1.0, 1.1, 1.2, 1.15, 0.95, 1.0, 1.25, 1.7)
"""Trips in each month of the year against the average: few in January, many in December."""
HOURS = (12, 19, 8, 8, 15, 16, 11, 10, 19, 14, 17, 13, 15, 13)
"""When trips that begin with each card category mostly start."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Transactions:
    """One entry a transaction."""

    account: Ints
    time: Ints
    """Seconds since the epoch."""
    template: Ints
    shop: Ints
    amount: Floats
    """Negative where money leaves the account."""

    @staticmethod
    def joined(parts: list[Transactions]) -> Transactions:
        """All transactions of `parts`, by account and then by time."""
        names = ("account", "time", "template", "shop", "amount")
        columns = [np.concatenate([getattr(part, name) for part in parts]) for name in names]
        order = np.lexsort((columns[1], columns[0]))
        return Transactions(*(column[order] for column in columns))


def _second(month: Ints, day: Ints, hour: Floats) -> Ints:
    """The second of an hour of a day, counted from 1, of a month since January 2023; short months end early."""
    starts = np.datetime64("2023-01") + np.arange(MONTHS + 2)
    first = starts.astype("datetime64[D]").astype(np.int64)
    days: Ints = np.minimum(first[month] + day - 1, first[month + 1] - 1)
    return days * 86_400 + (hour * 3_600).astype(np.int64)


def monthly_payments(rng: np.random.Generator, accounts: Accounts, texts: Templates) -> Transactions:
    """Salary, rent, two bills, up to four subscriptions and savings, each on its own day of the month.

    What is due on a Saturday or Sunday is booked on the Monday after. Bills vary a little, the rest does not.
    """
    size = len(accounts)
    slots = (("salary", 1), ("rent", 1), ("utility", 2), ("subscription", 4), ("savings", 1))
    template = np.concatenate([_distinct(rng, texts.of(kind), size, count) for kind, count in slots], axis=1)
    day = rng.integers(2, 28, template.shape)
    day[:, 0], day[:, 1], day[:, -1] = accounts.payday, rng.integers(1, 4, size), accounts.payday + 1
    held = rng.random(template.shape) < (0.85, 0.8, 0.9, 0.7, 0.7, 0.5, 0.3, 0.2, 0.4)
    scale = np.where(np.isin(np.arange(template.shape[1]), (0, 1, 8)), accounts.wealth[:, None], 1.0)
    amount = np.round(texts.amounts[template] * scale, 2)
    hour = rng.integers(5, 9, template.shape) + rng.random(template.shape)
    account, slot, month = np.nonzero(held[:, :, None] & (np.arange(9) < accounts.months[:, None, None]))
    time = _second(accounts.opened[account] + month, day[account, slot], hour[account, slot])
    weekday = (time // 86_400 + 3) % 7
    varies = np.isin(slot, (2, 3))
    paid = amount[account, slot] * np.where(varies, rng.lognormal(0.0, 0.1, len(account)), 1.0)
    return Transactions(
        account,
        time + np.where(weekday >= 5, 7 - weekday, 0) * 86_400,
        template[account, slot],
        np.zeros(len(account), np.int64),
        np.where(slot == 0, 1.0, -1.0) * np.round(paid, 2),
    )


def _distinct(rng: np.random.Generator, among: Ints, rows: int, count: int) -> Ints:
    """`count` different ones of `among` in each of `rows` rows."""
    return rng.permuted(np.tile(among, (rows, 1)), axis=1)[:, :count]


def shopping(rng: np.random.Generator, accounts: Accounts, texts: Templates) -> Transactions:
    """Trips of one to several card payments, more of them after payday and before Christmas.

    A trip starts with one of the account's three favourite categories and goes on along `PATH`.
    """
    account, month, favourite = _trips(rng, accounts)
    favourites = rng.integers(0, CARD_CATEGORIES, (len(accounts), 3))
    size = len(account)
    start = np.where(rng.random(size) < 0.9, favourites[account, favourite], rng.integers(0, CARD_CATEGORIES, size))
    after_payday = accounts.payday[account] + rng.exponential(6.0, size).astype(np.int64)
    day = np.where(rng.random(size) < 0.5, (after_payday - 1) % 30 + 1, rng.integers(1, 31, size))
    hour = (np.take(HOURS, start) + rng.normal(0.0, 1.5, size)).clip(0.0, 23.0)
    time = _second(accounts.opened[account] + month, day, hour)
    payments = rng.geometric(0.55, size)
    trip = np.repeat(np.arange(size), payments)
    place = np.arange(len(trip)) - np.repeat(np.cumsum(payments) - payments, payments)
    pause = np.where(place > 0, rng.lognormal(np.log(1_200.0), 0.6, len(trip)), 0.0).astype(np.int64)
    elapsed = np.cumsum(pause)
    since = elapsed - np.repeat(elapsed[place == 0], payments)
    category = _along(start[trip], place)
    return _payments(rng, accounts, texts, account[trip], time[trip] + since, category)


def _trips(rng: np.random.Generator, accounts: Accounts) -> tuple[Ints, Ints, Ints]:
    """The account, the month since its opening and the favourite (0 to 2) of each trip."""
    number, month = np.nonzero(np.arange(9) < accounts.months[:, None])
    rate = accounts.trips[number] * np.take(SEASON, (accounts.opened[number] + month) % 12)
    trips = rng.poisson(rate)
    account = np.repeat(number, trips)
    return account, np.repeat(month, trips), np.searchsorted((0.5, 0.8), rng.random(len(account)))


def _along(start: Ints, place: Ints) -> Ints:
    """The category at each place of a trip."""
    steps = [np.arange(CARD_CATEGORIES)]
    for _ in range(7):
        steps.append(PATH[steps[-1]])
    category: Ints = np.stack(steps)[place.clip(0, 7), start]
    return category


def _payments(
    rng: np.random.Generator, accounts: Accounts, texts: Templates, account: Ints, time: Ints, category: Ints
) -> Transactions:
    """Each account has a merchant of its own in each category, and goes to another one time in five."""
    size = len(account)
    own = rng.integers(0, OF_CATEGORY, (len(accounts), CARD_CATEGORIES))[account, category]
    other = rng.integers(0, OF_CATEGORY, size)
    merchant = np.where(rng.random(size) < 0.8, own, other)
    template = texts.of("card")[0] + category * OF_CATEGORY + merchant
    store = rng.integers(0, STORES, (len(accounts), 2))[account, rng.integers(0, 2, size)]
    amount = texts.amounts[template] * np.sqrt(accounts.wealth[account]) * rng.lognormal(0.0, 0.35, size)
    cash = category == CARD_CATEGORIES - 1
    amount = np.where(cash, np.ceil(amount / 20) * 20, np.round(amount, 2)).clip(0.5)
    return Transactions(account, time, template, accounts.region[account] * STORES + store, -amount)


def refunds(rng: np.random.Generator, bought: Transactions) -> Transactions:
    """One payment in fifty comes back in full some days later, from the same shop."""
    back = np.flatnonzero(rng.random(len(bought.account)) < 0.02)
    wait = rng.integers(3, 12, len(back)) * 86_400 + rng.integers(0, 3_600, len(back))
    return Transactions(
        bought.account[back], bought.time[back] + wait, bought.template[back], bought.shop[back], -bought.amount[back]
    )
