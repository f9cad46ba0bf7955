"""The domains `finance` and `finance-control`: simulated bank accounts, as a plugin of domaintoolkit."""

from collections.abc import Iterable

from domaintoolkit.registry import hookimpl
from domaintoolkit.schema import Domain
from finance_synthetic.domain import CONTROL, FINANCE
from finance_synthetic.sample import sample

__all__ = ["CONTROL", "FINANCE", "domaintoolkit_domains", "sample"]


@hookimpl
def domaintoolkit_domains() -> Iterable[Domain]:
    """The accounts, and the same without any sequential structure."""
    return (FINANCE, CONTROL)
