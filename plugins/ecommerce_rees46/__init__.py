"""The domain `ecommerce`: REES46's multi-category store, as a plugin of domaintoolkit."""

from collections.abc import Iterable

from domaintoolkit.registry import hookimpl
from domaintoolkit.schema import Domain
from ecommerce_rees46.domain import ECOMMERCE

__all__ = ["ECOMMERCE", "domaintoolkit_domains"]


@hookimpl
def domaintoolkit_domains() -> Iterable[Domain]:
    """The one domain of this plugin."""
    return (ECOMMERCE,)
