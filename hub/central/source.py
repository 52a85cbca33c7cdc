"""The contract of a source: another system at the site that knows of people coming and going. Pure.

A source is asked, and says what it has to say since the place where it was read last; the hub keeps that place, the
pace, the retries and what came of it (`hub.central.gathering`). `docs/sources.md` tells what a site sets.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from hub.presence import CheckIn


class Aside(NamedTuple):
    """Something that could not be used: where it stands (file and row, or the other system's id; the field), and what
    is wrong with it. Neither holds a name or a whole card number."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer. `cursor` is where to go on, in the source's own words; `more` says that there is more already."""

    check_ins: tuple[CheckIn, ...]
    cursor: str
    more: bool = False
    aside: tuple[Aside, ...] = ()


class SourceAway(Exception):
    """Raised by `fetch`: no answer that can be used, this time. It is asked again."""

    def __init__(self, words: str, after_ms: int | None = None) -> None:
        super().__init__(words)
        self.words = words
        self.after_ms = after_ms
        """As it said (`Retry-After`)."""


class SourceRefused(Exception):
    """Raised by `fetch`: a person has to do something, about a key, a right, an address. It is asked again, seldom."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class Source(Protocol):
    """One system. All of it is called from one thread, but for `close`."""

    def fetch(self, cursor: str) -> Fetched:
        """What there is since `cursor`, which is empty at first. Blocking, with limits of time and size of its own.

        What was told before may be told again. Raises SourceAway or SourceRefused.
        """

    def close(self) -> None:
        """Let go of connections. A `fetch` under way may end in SourceAway."""
