"""Tables in the layouts of public data sets: more of `raw_tables`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
from raw_tables import ranked, table, write_rows

__all__: list[str] = []


@table
def chart_events(folder: Path) -> tuple[Path, dict[str, str]]:
    """Numbers of many kinds in one column, with their unit; the number as text too."""
    rng = np.random.default_rng(21)
    kinds = {220045: ("bpm", 80, 15), 220277: ("%", 97, 2), 223761: ("F", 98.6, 1), 220621: ("mg/dL", 130, 40)}
    rows = []
    for stay in range(60):
        at = dt.datetime(2150 + stay % 40, 1, 1) + dt.timedelta(minutes=int(rng.integers(0, 500_000)))
        for _ in range(30):
            at += dt.timedelta(minutes=int(rng.integers(0, 90)))
            item = int(rng.choice(list(kinds)))
            unit, mean, spread = kinds[item]
            value = f"{rng.normal(mean, spread):.1f}"
            is_error = rng.random() < 0.04
            rows.append([10_000_000 + stay * 3571, at, "ERROR" if is_error else value, "" if is_error else value,
                         unit, item])  # fmt: skip
    return write_rows(folder / "chart.csv", rows, "subject_id charttime value valuenum valueuom itemid"), {
        "subject_id": "entity",
        "charttime": "time",
        "value": "out",
        "valuenum": "numeric",
        "valueuom": "out",
        "itemid": "categorical",
    }


@table
def session_clicks(folder: Path) -> tuple[Path, dict[str, str]]:
    """Sessions with their date, and milliseconds since they began."""
    rng = np.random.default_rng(22)
    rows = []
    for session in range(500):
        day = dt.date(2016, 1, 1) + dt.timedelta(days=int(rng.integers(0, 150)))
        since, user = 0, "NA" if rng.random() < 0.75 else int(rng.integers(1, 90_000))
        for item in ranked(rng, int(rng.geometric(0.25)), 300):
            since += int(rng.exponential(90_000))
            rows.append([session + 1, user, item * 31 + 100, since, day])
    return write_rows(folder / "views.csv", rows, "sessionId userId itemId timeframe eventdate", delimiter=";"), {
        "sessionId": "entity",
        "userId": "static categorical",
        "itemId": "categorical",
        "timeframe": "time",
        "eventdate": "static timestamp",
    }


@table
def flights_of_a_month(folder: Path) -> tuple[Path, dict[str, str]]:
    """A date with a midnight, hours and minutes without their zeros, and a last column without a name."""
    rng = np.random.default_rng(23)
    rows = []
    for row in range(2_000):
        plane, minute, delay = ranked(rng, 1, 80)[0], int(rng.integers(0, 1440)), int(rng.exponential(20)) - 8
        left = (minute + delay) % 1440
        is_off = rng.random() < 0.03
        day = 1 + row * 31 // 2_000
        rows.append([f"1/{day}/2019 12:00:00 AM", ["AA", "DL", "UA"][plane % 3], f"N{plane * 37 % 900 + 100}A",
                     minute // 60 * 100 + minute % 60, "" if is_off else left // 60 * 100 + left % 60,
                     "" if is_off else f"{delay}.00", ""])  # fmt: skip
    return write_rows(folder / "flights.csv", rows, "FL_DATE CARRIER TAIL_NUM CRS_DEP_TIME DEP_TIME DEP_DELAY "), {
        "FL_DATE": "time",
        "CARRIER": "static categorical",
        "TAIL_NUM": "entity",
        "CRS_DEP_TIME": "order",
        "DEP_TIME": "numeric",
        "DEP_DELAY": "numeric",
    }


@table
def marketplace_orders(folder: Path) -> tuple[Path, dict[str, str]]:
    """Orders of customers whose postcodes are as many as they are, with a life of dates."""
    rng = np.random.default_rng(24)
    people = [(f"{number:032x}", f"{int(rng.integers(1000, 99_999)):05d}", f"{rng.uniform(-30, 0):.4f}",
               dt.date(1950, 1, 1) + dt.timedelta(days=int(rng.integers(0, 18_000))))
              for number in rng.integers(0, 1 << 62, 400)]  # fmt: skip
    rows = []
    for order, who in enumerate(ranked(rng, 1_000, 400)):
        bought = dt.datetime(2017, 1, 1) + dt.timedelta(seconds=int(rng.integers(0, 500 * 86_400)))
        delivered = bought + dt.timedelta(days=float(rng.exponential(8)))
        split = "test" if order > 900 else "train"
        ids = [f"{order * 7919:032x}", f"{order * 104729:032x}"]
        rows += [
            [*ids, bought.strftime("%F %T"), delivered.strftime("%F %T"), *people[who], line + 1,
             f"p{ranked(rng, 1, 50)[0]}", f"{rng.lognormal(3, 1):.2f}", split]
            for line in range(1 + int(rng.random() < 0.3))
        ]  # fmt: skip
    header = (
        "order_id customer_id order_purchase_timestamp order_delivered_customer_date customer_unique_id "
        "customer_zip_code_prefix customer_lat customer_birth order_item_id product_id price eval_set"
    )
    return write_rows(folder / "orders.csv", rows, header), {
        "order_id": "session",
        "customer_id": "out",
        "order_purchase_timestamp": "time",
        "order_delivered_customer_date": "timestamp",
        "customer_unique_id": "entity",
        "customer_zip_code_prefix": "out",
        "customer_lat": "static numeric",
        "customer_birth": "static timestamp",
        "order_item_id": "order",
        "product_id": "categorical",
        "price": "numeric",
        "eval_set": "out",
    }


@table
def web_log(folder: Path) -> tuple[Path, dict[str, str]]:
    """Lines of a web server: addresses, times in brackets with their offset, batches of requests with a number."""
    rng = np.random.default_rng(25)
    hosts = [f"{rng.integers(1, 223)}.{rng.integers(0, 255)}.{number}.7" for number in range(100)]
    at, rows = dt.datetime(2023, 10, 10, 13), []
    for row, who in enumerate(ranked(rng, 1_500, 100)):
        at += dt.timedelta(seconds=int(rng.exponential(9)))
        hours = -7 if row % 2 else 2
        page = ranked(rng, 1, 60)[0]
        there = at + dt.timedelta(hours=hours)
        rows.append([hosts[who], "-", there.strftime(f"[%d/%b/%Y:%H:%M:%S {hours:+03}00]"), f"batch-{row // 3 * 7:06d}",
                     "" if page % 4 == 0 else f"k{page * 7919:06d}", f"/page{page}.html",
                     ["Mozilla/5.0", "Googlebot/2.1", "curl/7.68"][who % 3]])  # fmt: skip
    return write_rows(folder / "web.csv", rows, "remote_host ident datetime batch key request user_agent"), {
        "remote_host": "entity",
        "ident": "out",
        "datetime": "time",
        "batch": "out",
        "key": "out",
        "request": "categorical",
        "user_agent": "static categorical",
    }


@table
def attributed_clicks(folder: Path) -> tuple[Path, dict[str, str]]:
    """Seconds since the beginning of the table, and -1 in all columns that come after a label."""
    rng = np.random.default_rng(26)
    rows = []
    for number, user in enumerate(ranked(rng, 6_000, 900)):
        is_bought, clicks = rng.random() < 0.05, int(rng.geometric(0.4))
        rows.append([number * 400, user * 7919 % 28_000, ranked(rng, 1, 60)[0] * 31_337 % 10_000, int(is_bought),
                     int(rng.integers(1, 29_000)) if is_bought else -1, int(is_bought and rng.random() < 0.5),
                     clicks if is_bought else -1, f"{rng.lognormal(-9, 1):.6f}"])  # fmt: skip
    header = "timestamp uid campaign conversion conversion_id attribution click_nb cost"
    return write_rows(folder / "clicks.tsv", rows, header, delimiter="\t"), {
        "timestamp": "time",
        "uid": "entity",
        "campaign": "categorical",
        "conversion": "label",
        "conversion_id": "leak",
        "attribution": "leak",
        "click_nb": "leak",
        "cost": "numeric",
    }


@table
def baskets_by_order(folder: Path) -> tuple[Path, dict[str, str]]:
    """Lines in the order of the orders' ids, which is not the order in which a user gave them."""
    rng = np.random.default_rng(27)
    ids, rows = list(rng.permutation(5_000)), []
    for user in range(90):
        for number in range(1, int(rng.integers(4, 14))):
            order = int(ids.pop())
            rows += [[order, 7 * item + 3, place, user, number]
                     for place, item in enumerate(ranked(rng, int(rng.integers(1, 7)), 200), 1)]  # fmt: skip
    rows.sort(key=lambda row: row[:2])
    return write_rows(folder / "lines.csv", rows, "order_id product_id add_to_cart_order user_id order_number"), {
        "order_id": "session",
        "product_id": "categorical",
        "add_to_cart_order": "order",
        "user_id": "entity",
        "order_number": "order",
    }


@table
def engine_cycles(folder: Path) -> tuple[Path, dict[str, str]]:
    """No header: an engine, the number of its cycle, and readings."""
    rng = np.random.default_rng(28)
    rows = [
        [engine, cycle, f"{642 + cycle / 99 + rng.normal():.2f}", int(rng.integers(391, 396)), "518.67"]
        for engine in range(1, 41) for cycle in range(1, int(rng.integers(30, 90)))
    ]  # fmt: skip
    return write_rows(folder / "engines.txt", rows, delimiter=" "), {
        "column_1": "entity",
        "column_2": "order",
        "column_3": "numeric",
        "column_4": "categorical",
        "column_5": "out",
    }


@table
def desk_messages(folder: Path) -> tuple[Path, dict[str, str]]:
    """Tickets with a subject, which is a sentence and names nobody, and a time of day that is not named as one."""
    rng = np.random.default_rng(29)
    words = [
        "printer",
        "mail",
        "screen",
        "password",
        "network",
        "cable",
        "invoice",
        "login",
        "account",
        "update",
        "driver",
        "phone",
    ]
    tickets = [" ".join(rng.choice(words, 5)) for _ in range(300)]
    rows = []
    for row, ticket in enumerate(np.sort(rng.integers(0, 300, 2_400))):
        at = dt.datetime(2024, 1, 1) + dt.timedelta(minutes=row * 7)
        clock = int(rng.integers(0, 1440))
        rows.append([f"T{ticket}", at, tickets[ticket], str(rng.choice(["open", "note", "done"])),
                     f"{clock // 60:02}{clock % 60:02}", str(rng.choice(["Gold", "Basic"])), ""])  # fmt: skip
        rows[-1][-1] = int(rng.integers(1, 9)) if rows[-1][-2] == "Gold" else ""
    return write_rows(folder / "tickets.csv", rows, "ticket_id at subject action wheels_off plan NumberOfSeats"), {
        "ticket_id": "entity",
        "at": "time",
        "action": "categorical",
        "wheels_off": "numeric",
        "plan": "categorical",
        "NumberOfSeats": "numeric",
    }
