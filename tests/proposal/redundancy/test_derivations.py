"""Columns that follow from others are left out, and those that only look so are not."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from raw_tables import write_rows

from domaintoolkit.proposal import propose

Row = dict[str, Any]


def roles(folder: Path, fill: Callable[[Row, random.Random], None], kinds: int = 40) -> dict[str, tuple[str, str]]:
    """The role of each column and the reason, of 1,200 events that `fill` completes."""
    pick = random.Random(7)
    rows: list[Row] = []
    at = dt.datetime(2024, 3, 1)
    for number in range(1_200):
        at += dt.timedelta(minutes=pick.randrange(1, 90))
        who = number % kinds if number % 3 else pick.randrange(kinds)
        rows.append({"user_id": f"u{who * 7 + 100}", "at": at, "page": pick.choice("abcdefgh"), "number": number})
        fill(rows[-1], pick)
        del rows[-1]["number"]
    path = write_rows(folder / "rows.csv", [list(row.values()) for row in rows], " ".join(rows[0]))
    return {each.header: (each.role, each.reason) for each in propose([str(path)]).columns}


def test_totals_and_products_are_left_out(tmp_path: Path) -> None:
    def fill(row: Row, pick: random.Random) -> None:
        fare, tip, toll = (round(pick.lognormvariate(2, 1), 2) for _ in range(3))
        toll *= pick.random() < 0.3
        quantity, price = pick.randrange(1, 9), round(pick.lognormvariate(1, 0.5), 2)
        row |= {"fare": fare, "tip": tip, "toll": f"{toll:.2f}", "total": round(fare + tip + toll, 2)}
        row |= {"quantity": quantity, "price": price, "amount": round(quantity * price, 2)}

    found = roles(tmp_path, fill)
    assert found["total"] == ("left out", "derived: fare + tip + toll")
    assert found["amount"] == ("left out", "derived: quantity x price")
    assert {found[name][0] for name in ("fare", "tip", "toll", "quantity", "price")} == {"field"}


def test_a_number_that_is_nearly_another_is_not_a_total(tmp_path: Path) -> None:
    def fill(row: Row, pick: random.Random) -> None:
        gross, fee = round(pick.lognormvariate(3, 1), 2), round(pick.random(), 2)
        row |= {"gross": gross, "fee": fee, "paid": round(gross + fee + pick.choice([-1, 0, 1]) * 0.3, 2)}

    assert {role for role, _ in roles(tmp_path, fill).values()} == {"entity", "time", "field"}


def test_the_end_of_an_interval_follows_from_its_length(tmp_path: Path) -> None:
    def fill(row: Row, pick: random.Random) -> None:
        seconds = int(pick.lognormvariate(6, 1))
        row |= {"ended": row["at"] + dt.timedelta(seconds=seconds), "minutes": round(seconds / 60, 1)}
        row |= {"due": row["at"].date() + dt.timedelta(days=pick.randrange(1, 30))}

    found = roles(tmp_path, fill)
    assert found["ended"] == ("left out", "derived: at and minutes give it")
    assert found["due"] == ("field", "a second time")


def test_times_of_arrival_on_a_server_say_nothing_more(tmp_path: Path) -> None:
    def fill(row: Row, pick: random.Random) -> None:
        base = int(row["at"].timestamp() * 1000)
        row |= {"received_ms": base + pick.randrange(3000), "booked_ms": base - pick.randrange(3 * 3_600_000)}

    found = roles(tmp_path, fill)
    assert found["received_ms"] == ("left out", "derived from at: at most 3 s from it")
    assert found["booked_ms"] == ("field", "a second time")


def test_a_flag_for_a_value_and_a_coarser_category_are_left_out(tmp_path: Path) -> None:
    def fill(row: Row, pick: random.Random) -> None:
        kind = pick.choice(["open", "pay", "pay", "reserve", "close"])
        row |= {"kind": kind, "state": "C" if kind == "close" else "O", "coupon": "", "has_coupon": "no"}
        if pick.random() < 0.3:
            row |= {"coupon": pick.choice(["spring", "friends"]), "has_coupon": "yes"}
        is_cancelled = pick.random() < 0.1
        row |= {"cancelled": int(is_cancelled)}
        row |= {name: "" if is_cancelled else round(pick.gauss(50, 9), 1) for name in ("delay", "speed")}

    found = roles(tmp_path, fill)
    assert found["state"] == ("left out", "kind fixes it")
    assert found["has_coupon"] == ("left out", "says if coupon has a value")
    assert {found[name][0] for name in ("kind", "coupon", "cancelled", "delay", "speed")} == {"field"}


def test_properties_of_few_entities_are_not_taken_for_each_other(tmp_path: Path) -> None:
    def fill(row: Row, pick: random.Random) -> None:
        who = int(row["user_id"][1:])
        # by chance, nobody of one plan has two versions
        row |= {"version": f"v{who % 5}", "plan": "pro" if who % 5 < 2 else "free"}

    found = roles(tmp_path, fill)
    assert {found[name][0] for name in ("version", "plan")} == {"static"}


def test_counters_and_names_of_the_things_of_one_entity_are_left_out(tmp_path: Path) -> None:
    seen: dict[str, int] = {}

    def fill(row: Row, pick: random.Random) -> None:
        who = row["user_id"]
        seen[who] = seen.get(who, 0) + 1
        row |= {"seq": 500 + seen[who], "phone_serial": f"{who}-{pick.randrange(3)}", "level": seen[who] // 3}

    found = roles(tmp_path, fill)
    assert found["seq"] == ("left out", "counts the events of user_id")
    assert found["phone_serial"] == ("left out", "identifier: each value is of one user_id")
    assert found["level"][0] == "field"


def test_the_date_of_a_show_and_its_name_are_both_kept(tmp_path: Path) -> None:
    days = [dt.date(2024, 5, 1) + dt.timedelta(days=k * k) for k in range(9)]

    def fill(row: Row, pick: random.Random) -> None:
        show = pick.randrange(9)
        row |= {"show": f"Show {show}", "show_date": days[show]}

    found = roles(tmp_path, fill)
    assert {found[name][0] for name in ("show", "show_date")} == {"field"}
