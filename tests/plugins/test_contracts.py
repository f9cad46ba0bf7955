"""The first-party domains keep every contract."""

from __future__ import annotations

import os

import pytest
from ad_clicks import ADS_BOTS
from ecommerce_rees46 import ECOMMERCE
from finance_synthetic import FINANCE

from domaintoolkit.schema import Domain
from domaintoolkit.testing import check_domain

EXAMPLES = 100 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 3


@pytest.mark.slow
@pytest.mark.parametrize("domain", [ADS_BOTS, ECOMMERCE, FINANCE], ids=lambda domain: domain.name)
def test_the_contracts_hold(domain: Domain) -> None:
    check_domain(domain, events=600, examples=EXAMPLES)
