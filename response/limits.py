"""The numbers of the guard rails, and how a setting changes them: apart from what judges by them, since every start of the app reads its settings."""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Rails:
    """The numbers of the guard rails; a setting or an option changes each by its name."""

    identities: int = 3
    """Identities behind one address in 24 hours from which on it is shared: a household has two."""
    agents: int = 5
    """User agents behind one address in 24 hours from which on it is shared: one person has a browser, an app and a script."""
    share: int = 2
    """Percent of an endpoint's successful calls from which on an address is too much of its traffic to be one caller."""
    burst: int = 5
    """New entries in ten minutes; more have to be confirmed."""
    minutes: int = 60
    """Life of an entry for which nothing else is asked."""
    longest: int = 7 * 24 * 60
    """Longest life in minutes; what has to last longer belongs in a firewall."""
    calls: int = 10
    """Calls a minute that a slowed caller keeps."""
    days: int = 7
    """Days that a plan looks back, up to 30."""
    automatic: int = 10
    """Entries that rules may have made by themselves and that are not over."""


NAMES = tuple(one.name for one in fields(Rails))
LOWEST, HIGHEST = 1, {"longest": 7 * 24 * 60, "minutes": 7 * 24 * 60, "days": 30}


def parse(text: str) -> Rails:
    """From "identities=4, share=5". Raises ValueError in one sentence."""
    given: dict[str, int] = {}
    for piece in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, value = (part.strip() for part in piece.partition("="))
        most = HIGHEST.get(name, 100_000)
        if name not in NAMES or not value.isdecimal() or not LOWEST <= int(value) <= most:
            raise ValueError(f"{name[:20]!r} must be one of {', '.join(NAMES)}, with a whole number from {LOWEST} to {most}")
        given[name] = int(value)
    return replace(Rails(), **given)
