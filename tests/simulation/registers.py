"""The register of cards far away, the truth about cards in it, and the witness of what it said.

It is down for hours, slow, locked; it answers about another card, in words that nobody knows, or calls all cards
invalid for an hour. Cards are truly blocked and become valid again while the site works.

`register`: nobody is closed out but by the register's own word about that very card, nor many at once; what it says
counts, within the time of a round, and is taken back when it says valid again.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from hub.card_answers import CardAnswer
from hub.permits import GRANTED, CardFacts, PermitList, permit
from hub.presence import CardKey
from hub.register_settings import CardRegisterSettings
from portvakt.doubles.serving import Reply, Request
from tests.simulation.others import Mood, OtherServer
from tests.simulation.world import DAY_MS, HOUR_MS, MINUTE_MS, World

if TYPE_CHECKING:
    from tests.simulation.sim_store import HubFile

OSLO = ZoneInfo("Europe/Oslo")
SWEEP = time(2)
ROUND_MS = 20 * MINUTE_MS
"""All cards of a site have been asked about within so long, and what was said counts."""
GOOD = ("valid", "temporary")
BAD = ("expired", "blocked", "invalidated")
OLD_MS = 37 * HOUR_MS
"""Of whom nobody was asked for longer, whoever joins the list is asked about again."""
STRANGER_MS = 80 * MINUTE_MS
"""Who asked to come in is asked about at once; of whom a gate told late, within the hour."""
FEW, SHARE = 3, 0.05
SETTINGS = CardRegisterSettings(
    base_url="http://127.0.0.1/v1", number_field="cardNumber", per_second=1, timeout_s=10, sweep_at="02:00"
)
_CARD = re.compile(r"/v1/cards/(\w+)/status")


class SimRegister(OtherServer):
    """Knows of every card what is true."""

    def __init__(self, world: World, book: "WordBook") -> None:
        super().__init__(world, "register", patience_ms=MINUTE_MS)
        self._book = book
        self._status: dict[str, str] = {}

    def status_of(self, number: str) -> str:
        return self._status.get(number, "valid")

    def set_status(self, number: str, status: str) -> None:
        """It happens there, and nobody is told until somebody asks."""
        self.world.trace("register", f"…{number[-2:]} is {status}")
        self.world.counts[f"cards truly {status}"] += 1
        self._status[number] = status

    def answer(self, request: Request) -> Reply:
        found = _CARD.fullmatch(request.path)
        if found is None:
            return Reply(404, b"")
        number = found[1]
        status = self.status_of(number)
        if self.mood is Mood.NONSENSE:
            return self._nonsense(number)
        if self.mood is Mood.MAD and self.chance.random() < 0.7:
            status = "invalidated"
        self._book.said(CardKey("hms", number), status)
        return _json({"cardNumber": number, "status": status})

    def _nonsense(self, number: str) -> Reply:
        other = f"{int(number) + 1}"
        return _json(
            self.chance.choice(
                ({"cardNumber": other, "status": "blocked"}, {"cardNumber": number}, [], "blocked",
                 {"cardNumber": number, "status": "blocked", "error": "database is being restored"},
                 {"cardNumber": number, "status": {"value": "blocked"}}, {"status": "invalid"})
            )
        )  # fmt: skip


class WordBook:
    """See the module: `said` by the register, `kept` and `list_made` by the hub at its commits."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.register: SimRegister | None = None
        self.hub_lost_its_disk: Callable[[], bool] = lambda: False
        self._said: dict[CardKey, tuple[int, str]] = {}
        """The last explicit word about each card, and when."""
        self._bad_since_good: set[CardKey] = set()
        """Of whom something bad was said since the hub last knew that they are in order."""
        self._forced = False

    # --- the register ----------------------------------------------------------------------------------

    def said(self, card: CardKey, status: str) -> None:
        self.world.counts[f"register says {status}"] += 1
        self._said[card] = (self.world.now_ms, status)
        if status in BAD:
            self._bad_since_good.add(card)

    # --- the hub ---------------------------------------------------------------------------------------

    def believe(self) -> None:
        """A person says that the register is right."""
        self._forced = True

    def kept(self, before: CardAnswer | None, after: CardAnswer) -> None:
        """An answer is being written down."""
        heard = after.answer is not None and (before is None or before.answered_ms != after.answered_ms)
        if heard and after.answer is not None:
            said = self._said.get(after.card)
            if said is None or said[1] != after.answer.status:
                words = f"{after.answer.status} of {after.card.number}"
                raise self.world.broken("register", f"hub: keeps {words}, which the register did not say")
            if said[1] in GOOD:
                self._bad_since_good.discard(after.card)
        self.world.counts["answers held back"] += after.held and not (before and before.held)

    def alarm(self, name: str, *, raised: bool) -> None:
        self.world.counts[f"{name} {'raised' if raised else 'over'}"] += 1

    def list_made(self, hub: "HubFile", before: PermitList, after: PermitList) -> None:
        """A list that follows from the register's word: whom it closes out, and how many."""
        if before.revision == 0 or self.hub_lost_its_disk():
            return
        was = {(one.scheme, one.number) for one in before.permits if one.standing == GRANTED}
        closed = [
            card
            for one in after.permits
            if one.standing != GRANTED and (one.scheme, one.number) in was
            for card in (CardKey(one.scheme, one.number),)
            if (facts := hub.crew.get(card)) is not None and permit(facts).standing == GRANTED
        ]
        self.world.counts["closed by the register's word"] += len(closed)
        for card in closed:
            if card not in self._bad_since_good:
                raise self.world.broken("register", f"hub: {card.number} is closed out, and no word says so")
        if len(closed) > max(FEW, SHARE * len(was)) and not self._forced:
            raise self.world.broken("register", f"hub: {len(closed)} of {len(was)} are closed out at once")
        opened = sum(one.standing == GRANTED and (one.scheme, one.number) not in was for one in after.permits)
        self.world.counts["opened by the register's word"] += opened

    # --- later -----------------------------------------------------------------------------------------

    def look(self, hub: "HubFile") -> None:
        """Where nothing has been wrong for long, every card was asked about in its night, and its answer counts."""
        if self.register is None or not self.register.well_for_long:
            return
        self.world.counts["the register's word compared"] += 1
        now_ms = self.world.now_ms
        swept_ms = _last_sweep(now_ms)
        held = sum(one.held for one in hub.words.answers.values())
        for card, facts in sorted(hub.crew.items()):
            known = hub.words.answers.get(card)
            joined_ms = hub.words.listed_ms[card] if facts.listed else now_ms
            # Who joined since then was asked about at once, unless that was done not long ago.
            due_ms = swept_ms if joined_ms < swept_ms else now_ms - OLD_MS
            if now_ms - max(swept_ms, joined_ms) > ROUND_MS and (known is None or known.asked_ms < due_ms):
                raise self.world.broken("late", f"hub: {card.number} was not asked about in its night")
            if known is not None:
                self._counted(card, known, held)
        for card, (asked_ms, received_ms) in hub.words.strangers.items():
            # A gate whose clock nobody has set tells of 1970, and of that day nobody is asked about.
            old = now_ms - asked_ms > DAY_MS or (card in hub.crew and hub.crew[card].listed)
            if not old and now_ms - received_ms > STRANGER_MS and card not in hub.words.answers:
                raise self.world.broken("late", f"hub: {card.number} stands at a gate, and nobody asks about it")
        self._in_the_list(hub)

    def finish(self, hub: "HubFile") -> None:
        """Everything has healed, and a person has believed what was held back: the list says what is true."""
        if self.register is None:
            return
        if held := [one.card.number for one in hub.words.answers.values() if one.held and one.card in hub.crew]:
            raise self.world.broken("register", f"hub: answers about {held[:3]} are held back to the end")
        standing = {CardKey(one.scheme, one.number): one.standing for one in hub.permits.permits}
        for card, facts in sorted(hub.crew.items()):
            status = self.register.status_of(card.number)
            if not facts.listed or facts.status == "blocked" or status not in (*GOOD, *BAD):
                continue
            expected = permit(_as(facts, "ok" if status in GOOD else "cancelled")).standing
            if standing[card] != expected:
                raise self.world.broken("register", f"hub: {card.number} is {status}, the list says {standing[card]}")
            self.world.counts["cards as the register says"] += 1

    def _counted(self, card: CardKey, known: CardAnswer, held: int) -> None:
        """What was said of it last, within this time of quiet, is known and counts, or is held back among many."""
        assert self.register is not None
        assert self.register.well_since_ms is not None
        at_ms, status = self._said.get(card, (0, ""))
        if not self.register.well_since_ms < at_ms < self.world.now_ms - ROUND_MS:
            return
        if status in GOOD and known.counts != "ok":
            raise self.world.broken("register", f"hub: {card.number} is {status} again, and it does not count")
        if status in BAD and known.counts != "cancelled" and not (known.held and held > FEW):
            raise self.world.broken("register", f"hub: {card.number} is {status}, and it does not count")

    def _in_the_list(self, hub: "HubFile") -> None:
        """The list follows from what counts, and nothing else."""
        if self.hub_lost_its_disk():
            return
        standing = {CardKey(one.scheme, one.number): one.standing for one in hub.permits.permits}
        for card, facts in hub.crew.items():
            known = hub.words.answers.get(card)
            status = facts.status
            if known is not None and known.counts is not None and status != "blocked":
                later = (known.counts_day or "") >= hub.words.as_of.get(card, "")
                status = known.counts if later else status
            if (standing[card] == GRANTED) is not (permit(_as(facts, status)).standing == GRANTED):
                raise self.world.broken("register", f"hub: {card.number} is {status}, the list says {standing[card]}")


def _as(facts: CardFacts, status: str) -> CardFacts:
    return replace(facts, status=status)


def _last_sweep(now_ms: int) -> int:
    """When it was two at night in Oslo last."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(OSLO)
    tonight = datetime.combine(now.date(), SWEEP, OSLO)
    last = tonight if tonight <= now else tonight - timedelta(days=1)
    return round(last.timestamp() * 1000)


def _json(said: Mapping[str, object] | list[object] | str) -> Reply:
    return Reply(200, msgspec.json.encode(said))
