"""Tables as they come out of other people's systems, each with what a careful person would make of its columns.

Roles are `entity`, `time`, `session`, `order`, `label`, `leak`, `out`, and for fields the type of the encoder; with
`static` in front if the column belongs to the entity.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["TABLES", "write_rows"]

Make = Callable[[Path], tuple[Path, dict[str, str]]]
TABLES: dict[str, Make] = {}


def table(make: Make) -> Make:
    """List a table under its name."""
    TABLES[make.__name__] = make
    return make


def write_rows(
    path: Path,
    rows: Iterable[Sequence[Any]],
    header: str | None = None,
    encoding: str = "utf-8",
    delimiter: str = ",",
    before: str = "",
) -> Path:
    """Rows as CSV; `header` are its names with spaces between them."""
    with path.open("w", newline="", encoding=encoding) as file:
        file.write(before)
        out = csv.writer(file, delimiter=delimiter)
        if header is not None:
            out.writerow(header.split(" "))
        out.writerows(rows)
    return path


def ranked(rng: np.random.Generator, size: int, kinds: int) -> list[int]:
    """Numbers below `kinds`, the first ones most often."""
    chances = 1 / np.arange(1, kinds + 1)
    return [int(k) for k in rng.choice(kinds, size, p=chances / chances.sum())]


def german(number: float) -> str:
    return f"{number:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")


@table
def invoices(folder: Path) -> tuple[Path, dict[str, str]]:
    """An online shop: a quarter of the invoices without a customer, months first, cancellations negative."""
    rng, pick = np.random.default_rng(1), random.Random(1)
    stock = [
        (
            f"{10_000 + int(rng.integers(80_000))}",
            f"{pick.choice(['RED', 'BLUE'])} LAMP {k} HOLDER",
            round(0.4 + k / 7, 2),
        )
        for k in range(120)
    ]
    rows, at = [], dt.datetime(2010, 12, 1, 8, 26)
    for invoice in range(536_365, 536_965):
        at += dt.timedelta(minutes=int(rng.exponential(900)))
        who = 12_346 + 7 * ranked(rng, 1, 90)[0]
        hidden, sign = pick.random() < 0.25, -1 if pick.random() < 0.05 else 1
        for k in ranked(rng, int(rng.integers(1, 9)), 120):
            code, text, price = stock[k]
            rows.append(
                [
                    f"{'C' if sign < 0 else ''}{invoice}",
                    code,
                    text,
                    sign * pick.choice([1, 2, 6, 12]),
                    f"{at.month}/{at.day}/{at.year} {at.hour}:{at.minute:02d}",
                    price,
                    "" if hidden else who,
                    "Germany" if who % 5 == 0 else "United Kingdom",
                ]
            )
    path = write_rows(
        folder / "invoices.csv",
        rows,
        "InvoiceNo StockCode Description Quantity InvoiceDate UnitPrice CustomerID Country",
        "cp1252",
    )
    return path, {
        "InvoiceNo": "session",
        "StockCode": "categorical",
        "Description": "out",
        "Quantity": "numeric",
        "InvoiceDate": "time",
        "UnitPrice": "numeric",
        "CustomerID": "entity",
    }


@table
def clicks_without_a_header(folder: Path) -> tuple[Path, dict[str, str]]:
    rng = np.random.default_rng(2)
    rows = []
    for session in range(1, 500):
        at = dt.datetime(2014, 4, 1) + dt.timedelta(seconds=int(rng.integers(0, 5_000_000)))
        for item in ranked(rng, int(rng.geometric(0.3)), 400):
            at += dt.timedelta(seconds=int(rng.exponential(90)))
            rows.append(
                [
                    session,
                    f"{at:%Y-%m-%dT%H:%M:%S}.{int(rng.integers(1000)):03d}Z",
                    214_500_000 + item * 7919 % 5003,
                    "0S125"[item % 5],
                ]
            )
    return write_rows(folder / "clicks.dat", rows), {
        "column_1": "entity",
        "column_2": "time",
        "column_3": "categorical",
        "column_4": "categorical",
    }


@table
def groceries_without_times(folder: Path) -> tuple[Path, dict[str, str]]:
    rng = np.random.default_rng(3)
    rows, order = [], 0
    for user in range(1, 80):
        for number in range(1, int(rng.integers(4, 12))):
            order += int(rng.integers(1, 9))
            weekday, since = int(rng.integers(7)), "" if number == 1 else float(rng.integers(1, 31))
            for place, product in enumerate(ranked(rng, int(rng.integers(2, 9)), 300), 1):
                rows.append([order, user, number, weekday, since, product * 7 + 1, place])
    names = "order_id user_id order_number order_dow days_since_prior_order product_id add_to_cart_order"
    return write_rows(folder / "orders.csv", rows, names), {
        "order_id": "session",
        "user_id": "entity",
        "order_number": "order",
        "order_dow": "categorical",
        "days_since_prior_order": "numeric",
        "product_id": "categorical",
        "add_to_cart_order": "order",
    }


@table
def days_from_a_beginning(folder: Path) -> tuple[Path, dict[str, str]]:
    rng = np.random.default_rng(4)
    rows, basket = [], 26_984_851_472
    for day in range(1, 250):
        for _ in range(int(rng.integers(2, 9))):
            household, clock = ranked(rng, 1, 80)[0] + 1, int(rng.integers(6, 23)) * 100 + int(rng.integers(60))
            basket += int(rng.integers(1, 999))
            rows += [
                [
                    household,
                    basket,
                    day,
                    1_000_000 + product * 7919 % 997,
                    round(float(rng.lognormal(0.8, 0.6)), 2),
                    clock,
                    day // 7 + 1,
                ]
                for product in ranked(rng, int(rng.integers(1, 7)), 200)
            ]
    names = "household_key BASKET_ID DAY PRODUCT_ID SALES_VALUE TRANS_TIME WEEK_NO"
    return write_rows(folder / "transactions.csv", rows, names), {
        "household_key": "entity",
        "BASKET_ID": "session",
        "DAY": "time",
        "PRODUCT_ID": "categorical",
        "SALES_VALUE": "numeric",
        "TRANS_TIME": "numeric",
        "WEEK_NO": "out",
    }


@table
def flights(folder: Path) -> tuple[Path, dict[str, str]]:
    """A date and a local time of day as hhmm, the calendar once more in columns of its own, ids beside codes."""
    rng, pick = np.random.default_rng(5), random.Random(5)
    airports = ["JFK", "LAX", "ORD", "ATL", "DFW", "SEA"]
    tails = [f"N{k}A" for k in range(100, 140)]
    rows = []
    for number in range(30):
        day = dt.date(2023, 1, 20) + dt.timedelta(number)
        for tail in tails:
            minute, origin = int(rng.integers(300, 500)), pick.choice(airports)
            for _ in range(int(rng.integers(2, 5))):
                to = pick.choice([each for each in airports if each != origin])
                delay = int(rng.normal(5, 20))
                rows.append(
                    [
                        day.year,
                        day.month,
                        day.day,
                        day.isoweekday(),
                        day.isoformat(),
                        tail if pick.random() > 0.005 else "",
                        10_000 + 37 * airports.index(origin),
                        origin,
                        to,
                        f"{minute // 60:02d}{minute % 60:02d}",
                        f"{delay:.2f}",
                        f"{delay + int(rng.normal(0, 9)):.2f}",
                        "",
                    ]
                )
                minute, origin = minute + int(rng.integers(100, 240)), to
    names = (
        "Year Month DayofMonth DayOfWeek FlightDate Tail_Number OriginAirportID Origin Dest CRSDepTime DepDelay "
        "ArrDelay Unnamed"
    )
    return write_rows(folder / "flights.csv", rows, names), {
        "Year": "out",
        "Month": "out",
        "DayofMonth": "out",
        "DayOfWeek": "out",
        "FlightDate": "time",
        "Tail_Number": "entity",
        "OriginAirportID": "out",
        "Origin": "categorical",
        "Dest": "categorical",
        "CRSDepTime": "time",
        "DepDelay": "numeric",
        "ArrDelay": "numeric",
        "Unnamed": "out",
    }


@table
def cards(folder: Path) -> tuple[Path, dict[str, str]]:
    """Purchase cards: a time in four columns, money with its sign behind the currency, a label in its name."""
    rng, pick = np.random.default_rng(6), random.Random(6)
    rows = []
    for user in range(30):
        at = dt.datetime(2018, 1, 1)
        for shop in ranked(rng, 70, 150):
            at += dt.timedelta(minutes=int(rng.exponential(3000)))
            amount = float(rng.lognormal(3.3, 1.0))
            rows.append(
                [
                    user,
                    int(rng.integers(3)),
                    at.year,
                    at.month,
                    at.day,
                    f"{at:%H:%M}",
                    f"${'-' if pick.random() < 0.05 else ''}{amount:.2f}",
                    pick.choice(["Swipe", "Chip", "Online"]),
                    shop * 7919 * 104_729 % (1 << 40),
                    [5411, 5499, 5912, 4829][shop % 4],
                    "Bad PIN" if pick.random() < 0.03 else "",
                    "Yes" if pick.random() < 0.02 else "No",
                ]
            )
    path = folder / "cards.csv"
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(
            [
                "User",
                "Card",
                "Year",
                "Month",
                "Day",
                "Time",
                "Amount",
                "Use Chip",
                "Merchant Name",
                "MCC",
                "Errors?",
                "Is Fraud?",
            ]
        )
        out.writerows(rows)
    return path, {
        "User": "entity",
        "Card": "categorical",
        "Year": "time",
        "Month": "time",
        "Day": "time",
        "Time": "time",
        "Amount": "numeric",
        "Use Chip": "categorical",
        "Merchant Name": "categorical",
        "MCC": "categorical",
        "Errors?": "categorical",
        "Is Fraud?": "label",
    }


@table
def bank_statements(folder: Path) -> tuple[Path, dict[str, str]]:
    """German: title lines, semicolons, decimal commas, days first, cp1252."""
    rng, pick = np.random.default_rng(7), random.Random(7)
    rows = []
    for account in range(20):
        day = dt.date(2022, 1, 3)
        for _ in range(60):
            day += dt.timedelta(int(rng.integers(0, 6)))
            later = day + dt.timedelta(int(rng.integers(0, 3)))
            rows.append(
                [
                    f"DE{account:04d}77",
                    f"{day:%d.%m.%Y}",
                    f"{later:%d.%m.%Y}",
                    pick.choice(["Überweisung", "Gehalt", "Karte"]),
                    german(-float(rng.lognormal(5, 1.5))),
                    "EUR",
                ]
            )
    path = write_rows(
        folder / "umsatz.csv",
        rows,
        "IBAN Buchungstag Valuta Buchungstext Betrag Währung",
        "cp1252",
        ";",
        "Umsätze;;\nStand: 01.03.2024\n\n",
    )
    return path, {
        "IBAN": "entity",
        "Buchungstag": "time",
        "Valuta": "timestamp",
        "Buchungstext": "categorical",
        "Betrag": "numeric",
        "Währung": "out",
    }


@table
def telecom(folder: Path) -> tuple[Path, dict[str, str]]:
    """Epoch milliseconds, leading zeros, Namibia, and a path of towers."""
    rng, pick = np.random.default_rng(8), random.Random(8)
    rows = []
    for user in range(60):
        at = 1_704_067_200_000 + int(rng.integers(86_400_000))
        for _ in range(int(rng.integers(10, 40))):
            at += int(rng.exponential(3e6))
            rows.append(
                [
                    f"{user * 7919 % 100_000:08d}",
                    at,
                    pick.choice(["voice", "sms", "data"]),
                    f"€{german(float(rng.lognormal(2, 2)))}",
                    pick.choice(["NA", "DE", "FR", "ZA"]),
                    f"{pick.choice('NS')}{pick.randrange(4)}/{pick.randrange(9)}/cell{pick.randrange(6)}",
                    "" if pick.random() < 0.5 else pick.randrange(1, 3600),
                ]
            )
    return write_rows(folder / "calls.csv", rows, "msisdn ts kind cost country tower duration", delimiter=";"), {
        "msisdn": "entity",
        "ts": "time",
        "kind": "categorical",
        "cost": "numeric",
        "country": "categorical",
        "tower": "categorical",
        "duration": "numeric",
    }


@table
def app_events(folder: Path) -> tuple[Path, dict[str, str]]:
    """JSON lines with objects, lists and booleans in them."""
    rng, pick = np.random.default_rng(9), random.Random(9)
    found = []
    for user in range(60):
        at = dt.datetime(2024, 3, 1) + dt.timedelta(minutes=int(rng.integers(30_000)))
        for visit in range(int(rng.integers(1, 5))):
            session = f"{user:x}-{visit}-{pick.randrange(1 << 30):x}"
            for _ in range(int(rng.integers(2, 9))):
                at += dt.timedelta(seconds=int(rng.integers(1, 200)))
                found.append(
                    (
                        at,
                        {
                            "event": pick.choice(["open", "tap", "close"]),
                            "user": {"id": f"u{user}", "country": ["DE", "US", "NA"][user % 3]},
                            "session": session,
                            "at": f"{at.isoformat()}+00:00",
                            "value": round(float(rng.lognormal(1, 1)), 2) if pick.random() < 0.5 else None,
                            "tags": pick.sample(["a", "b", "c"], 2),
                            "premium": user % 7 == 0,
                        },
                    )
                )
            at += dt.timedelta(hours=int(rng.integers(4, 90)))
    path = folder / "app.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for _, each in sorted(found, key=lambda entry: entry[0])))
    return path, {
        "event": "categorical",
        "user.id": "entity",
        "user.country": "static categorical",
        "session": "session",
        "at": "time",
        "value": "numeric",
        "tags": "categorical",
        "premium": "static categorical",
    }


@table
def typed_purchases(folder: Path) -> tuple[Path, dict[str, str]]:
    rng = np.random.default_rng(10)
    size = 2_000
    users = np.sort(rng.integers(0, 80, size))
    times = np.datetime64("2022-05-01") + rng.integers(0, 90 * 86_400, size).astype("timedelta64[s]")
    pq.write_table(
        pa.table(
            {
                "customer_id": users,
                "purchase_ts": pa.array(times.astype("datetime64[us]")),
                "store": pa.array([f"S{k:02d}" for k in ranked(rng, size, 20)]).dictionary_encode(),
                "amount": rng.lognormal(3, 1, size).round(2),
                "n_items": rng.geometric(0.4, size),
                "gender": ["FM"[user % 2] for user in users],
                "is_return": rng.random(size) < 0.1,
            }
        ),
        folder / "shop.parquet",
    )
    return folder / "shop.parquet", {
        "customer_id": "entity",
        "purchase_ts": "time",
        "store": "categorical",
        "amount": "numeric",
        "n_items": "numeric",
        "gender": "static categorical",
        "is_return": "categorical",
    }


@table
def hospital(folder: Path) -> tuple[Path, dict[str, str]]:
    """Spanish: dates that no calendar has, -1 for a weight that is not known, codes with zeros."""
    rng, pick = np.random.default_rng(11), random.Random(11)
    rows = []
    for patient in range(80):
        day = dt.date(2021, 1, 1) + dt.timedelta(int(rng.integers(300)))
        for _ in range(int(rng.integers(3, 12))):
            day += dt.timedelta(int(rng.integers(1, 40)))
            end = "0000-00-00" if pick.random() < 0.4 else f"{day + dt.timedelta(int(rng.integers(1, 9)))}"
            rows.append(
                [
                    f"P{patient:05d}",
                    day,
                    end,
                    "HM"[patient % 2],
                    1940 + patient % 60,
                    pick.choice(["I10", "E11.9", "Z00"]),
                    -1 if pick.random() < 0.2 else int(rng.integers(35, 180)),
                    pick.choice(["sí", "no"]),
                    f"{pick.randrange(100):03d}",
                ]
            )
    names = "paciente fecha_ingreso fecha_alta sexo año_nacimiento diagnóstico peso urgente centro"
    return write_rows(folder / "ingresos.csv", rows, names), {
        "paciente": "entity",
        "fecha_ingreso": "time",
        "fecha_alta": "timestamp",
        "sexo": "static categorical",
        "año_nacimiento": "static numeric",
        "diagnóstico": "categorical",
        "peso": "numeric",
        "urgente": "categorical",
        "centro": "categorical",
    }


@table
def yearly_files(folder: Path) -> tuple[Path, dict[str, str]]:
    """A folder of files, of which the later one has another header and one more column."""
    pick = random.Random(12)
    for year in (2021, 2022):
        late = year == 2022
        rows = [
            [
                f"K{pick.randrange(60):03d}",
                f"{year}-{pick.randrange(1, 13):02d}-{pick.randrange(1, 29):02d}",
                f"item{pick.randrange(40)}",
                pick.randrange(1, 9),
                *([pick.choice(["web", "store"])] if late else []),
            ]
            for _ in range(600)
        ]
        write_rows(
            folder / f"sales{year}.csv", rows, "cust_id Date Item Qty Channel" if late else "CustID Date Item Qty"
        )
    return folder, {
        "CustID": "entity",
        "Date": "time",
        "Item": "categorical",
        "Qty": "numeric",
        "Channel": "categorical",
    }


@table
def badges(folder: Path) -> tuple[Path, dict[str, str]]:
    """French, UTF-16, NULL for null."""
    rng, pick = np.random.default_rng(13), random.Random(13)
    rows = []
    for member in range(40):
        at = dt.datetime(2023, 9, 1)
        for _ in range(15):
            at += dt.timedelta(minutes=int(rng.exponential(5000)))
            amount = "NULL" if pick.random() < 0.3 else f"{float(rng.lognormal(4, 1)):.2f}".replace(".", ",")
            rows.append(
                [
                    member,
                    f"{at:%d/%m/%Y %H:%M:%S}",
                    pick.choice(["entrée", "sortie"]),
                    amount,
                    ["oui", "non"][member % 2],
                ]
            )
    return write_rows(folder / "badges.csv", rows, "abonné horodatage sens montant actif", "utf-16", ";"), {
        "abonné": "entity",
        "horodatage": "time",
        "sens": "categorical",
        "montant": "numeric",
        "actif": "static categorical",
    }


@table
def ad_clicks(folder: Path) -> tuple[Path, dict[str, str]]:
    """A damaged header, codes that are numbers, and a time that is there only if the label is 1."""
    rng = np.random.default_rng(14)
    size = 6_000
    at = dt.datetime(2017, 11, 6, 16) + np.array([dt.timedelta(seconds=int(s)) for s in rng.integers(0, 260_000, size)])
    codes = rng.permutation(500)
    rows = []
    for ip, app, channel, when in zip(
        ranked(rng, size, 900), ranked(rng, size, 80), ranked(rng, size, 120), at, strict=True
    ):
        hit = rng.random() < 0.03
        rows.append(
            [
                int(codes[ip % 500]) * 1000 + ip,
                int(codes[app]),
                int(codes[channel]),
                when,
                when + dt.timedelta(minutes=9) if hit else "",
                int(hit),
            ]
        )
    return write_rows(folder / "clicks.csv", rows, "..ip app channel click_time attributed_time is_attributed"), {
        "..ip": "entity",
        "app": "categorical",
        "channel": "categorical",
        "click_time": "time",
        "attributed_time": "leak",
        "is_attributed": "label",
    }


@table
def impressions(folder: Path) -> tuple[Path, dict[str, str]]:
    """Days with their hour in eight digits, an operating system of versions, and regions as numbers with points."""
    rng = np.random.default_rng(15)
    size = 3_000
    rows = []
    for number, device in enumerate(ranked(rng, size, 300)):
        when = dt.datetime(2014, 10, 21) + dt.timedelta(hours=number * 60 // size)
        region = f"{rng.integers(1, 5)}.{rng.integers(1, 9)}.{rng.integers(1, 20)}"
        version = f"{12 + device % 4}.{device % 3}"
        rows.append(
            [int(rng.random() < 0.17), f"{when:%y%m%d%H}", f"{device * 2246822519 % 2**32:08x}", version, region]
        )
    return write_rows(folder / "ads.csv", rows, "click hour device_id os_version region_path"), {
        "click": "label",
        "hour": "time",
        "device_id": "entity",
        "os_version": "static categorical",
        "region_path": "categorical",
    }


@table
def pages_without_a_header(folder: Path) -> tuple[Path, dict[str, str]]:
    """As many pages as visitors, and seconds since 1970, with tabs between them."""
    rng = np.random.default_rng(16)
    rows, at = [], 1.7e9
    for user in ranked(rng, 4_000, 400):
        at += float(rng.exponential(8))
        page = f"/{['shop', 'blog', 'help'][user % 3]}/{'abcd'[rng.integers(4)]}/{ranked(rng, 1, 40)[0]}"
        rows.append([f"u{user * 7919 % 100000:05d}", int(at), page, int(rng.choice([200, 404, 301]))])
    return write_rows(folder / "clicks.tsv", rows, delimiter="\t"), {
        "column_1": "entity",
        "column_2": "time",
        "column_3": "categorical",
        "column_4": "categorical",
    }


@table
def race_results(folder: Path) -> tuple[Path, dict[str, str]]:
    """A place that is null for who did not finish, beside the order of all; and a start that is mostly unknown."""
    rng = np.random.default_rng(17)
    rows = []
    for race in range(150):
        day = dt.date(2000, 3, 1) + dt.timedelta(days=14 * race)
        start = f"{12 + race % 4}:00:00" if race > 110 else ""
        for place, driver in enumerate(rng.choice(40, 20, replace=False), 1):
            done = place <= 12
            rows.append([int(driver), day, start, place if done else "", str(place) if done else "R", place])
    return write_rows(folder / "races.csv", rows, "driverId date race_time position positionText positionOrder"), {
        "driverId": "entity",
        "date": "time",
        "race_time": "out",
        "position": "out",
        "positionText": "categorical",
        "positionOrder": "numeric",
    }
