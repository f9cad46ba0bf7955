"""The domain keeps every contract of domaintoolkit, also for headings that no ride of the sample has."""

from __future__ import annotations

from bike_share import BIKES, COMPASS, Route
from hypothesis import strategies as st

from domaintoolkit.testing import check_domain

headings = st.none() | st.floats() | st.floats(-720, 720)
routes = st.none() | st.lists(st.sampled_from(["Docks", "Hill", "", "?"]), max_size=4).map(">".join)


def test_every_contract_holds() -> None:
    own = {"heading": headings, "route": routes}
    check_domain(BIKES, own, events=200, examples=4, encoders=(COMPASS, Route.encoder_type))
