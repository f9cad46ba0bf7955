"""The domains `ads` and `ads-bots`: TalkingData's clicks on advertisements, as a plugin of domaintoolkit."""

from collections.abc import Iterable

from ad_clicks.domain import ADS, ADS_BOTS
from ad_clicks.kinds import KINDS, PEOPLE, bot_kinds
from domaintoolkit.registry import hookimpl
from domaintoolkit.schema import Domain

__all__ = ["ADS", "ADS_BOTS", "KINDS", "PEOPLE", "bot_kinds", "domaintoolkit_domains"]


@hookimpl
def domaintoolkit_domains() -> Iterable[Domain]:
    """The clicks, and the simulated clicks with the kind of each clicker as a second label."""
    return (ADS, ADS_BOTS)
