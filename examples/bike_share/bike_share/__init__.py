"""An example of a plugin: the domain `bikes`, and the encoders `compass` and `route` that its schema uses."""

from collections.abc import Iterable

from bike_share.compass import COMPASS
from bike_share.domain import BIKES
from bike_share.route import Route
from domaintoolkit import Domain, EncoderType, hookimpl

__all__ = ["BIKES", "COMPASS", "Route", "domaintoolkit_domains", "domaintoolkit_encoders"]


@hookimpl
def domaintoolkit_domains() -> Iterable[Domain]:
    """The domains of this plugin, as a tuple."""
    return (BIKES,)


@hookimpl
def domaintoolkit_encoders() -> Iterable[EncoderType]:
    """The encoders of this plugin, as a tuple."""
    return (COMPASS, Route.encoder_type)
