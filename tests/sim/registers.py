"""A hub's watch over a double of the card register, on a clock that stands still unless somebody waits."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.uplink.signing import Signer
from hub.card_answers import CardAnswer
from hub.central.registers.card_watch import CardWatch
from hub.central.registers.vigil import Vigil
from hub.crew import decisions
from hub.crew.decisions import Decider
from hub.crew.importing import Outcome, Terms, import_list
from hub.crew.rows import ReadList
from hub.ingest import Ingest
from hub.permits import USUAL
from hub.presence import CardKey
from hub.records import CrewMember
from hub.register_settings import CardRegisterSettings
from hub.store import HubStore
from portvakt.doubles.card_register import CLIENT_ID, CLIENT_SECRET, SCOPE, CardRegisterDouble
from portvakt.doubles.tokens import TokenEndpoint
from tests.sim.records import RecordBook
from tests.unit.test_hub_presence import oslo

COMPANY = "310451274"
ZONE = ZoneInfo("Europe/Oslo")
NOON_MS = oslo("2026-11-21T12:00")
HOUR_MS = 3_600_000


class Clock:
    """Unix milliseconds."""

    def __init__(self, now_ms: int = NOON_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def pause(self, seconds: float) -> bool:
        self.now_ms += round(seconds * 1000)
        return False


class Registered:
    """A site, its register, and the watch between them."""

    def __init__(self, folder: Path, store: HubStore, held: contextlib.ExitStack, **settings: Any) -> None:
        self.store = store
        self.clock = Clock()
        self.tokens = TokenEndpoint(CLIENT_ID, CLIENT_SECRET, SCOPE)
        self.double = CardRegisterDouble({}, self.tokens)
        self.server = held.enter_context(self.double.serving())
        self.secret = folder / "secret"
        self.secret.write_text(CLIENT_SECRET)
        self.secret.chmod(0o600)
        said = {
            "base_url": f"{self.server.url}/v1", "token_url": f"{self.server.url}/oauth/token", "scope": SCOPE,
            "client_id": CLIENT_ID, "secret_file": str(self.secret), "number_field": "cardNumber",
            "employer_field": "organisationNumber", "expiry_field": "validTo", "per_second": 20, "timeout_s": 5,
        } | settings  # fmt: skip
        self.settings = msgspec.convert(said, CardRegisterSettings)
        self._held = held
        self._journals = 0
        self.watch = self.started()

    def started(self) -> CardWatch:
        """A watch, as a hub that has just started has it."""
        watch = CardWatch(self.settings, self.store, requirements=USUAL, zone=ZONE, now_ms=self.clock)
        self._held.callback(watch.close)
        return watch

    def settle(self, most: int = 100) -> None:
        """Turn until there is nothing to do."""
        for _ in range(most):
            if self.watch.turn(self.clock.pause):
                return
        raise AssertionError("there is always something to do")

    def later(self, hours: float = 0, minutes: float = 0) -> None:
        self.clock.now_ms += round(hours * HOUR_MS + minutes * 60_000)

    def night(self) -> None:
        """The next sweep, from its beginning to its end."""
        self.later(hours=24)
        self.settle()

    def crew(self, numbers: Iterable[str], **said: Any) -> Outcome:
        """A crew list of these cards alone; their register knows them as valid unless it says otherwise."""
        members = tuple(
            CrewMember("hms", number, f"Ada{number}", "Nordli", COMPANY, **said) for number in dict.fromkeys(numbers)
        )
        for member in members:
            self.double.cards.setdefault(member.number, {"status": "valid", "organisation": COMPANY})
        return import_list(self.store, ReadList(members, ()), "crew.csv", Terms("kari", self.clock.now_ms))

    def says(self, number: str, status: str) -> None:
        self.double.cards[number] = {"status": status, "organisation": COMPANY}

    def badges(self, number: str, *, at_ms: int | None = None) -> None:
        """An unknown card is shown at the entrance."""
        self._record("badge.refused", number, at_ms, reason="unknown_card")

    def passes(self, number: str, uid: str) -> None:
        """A card is let in; its chip has this serial number."""
        self._record("passage.completed", number, None, uid=uid, zone="site")

    def _record(self, kind: str, number: str, at_ms: int | None, **said: Any) -> None:
        self._journals += 1
        book = RecordBook(epoch=f"{self._journals:016x}")
        at_ms = self.clock.now_ms if at_ms is None else at_ms
        book.add(kind, at_ms=at_ms, card=number, direction="entry", **said)
        signer = Signer("yard", Ed25519PrivateKey.generate())
        Ingest("yard", self.store, signer).take([book.message()], self.clock.now_ms)

    def decider(self) -> Decider:
        return Decider("kari", self.clock.now_ms, USUAL)

    def block(self, number: str) -> None:
        decisions.block(self.store, CardKey("hms", number), "lent", self.decider())

    def unblock(self, number: str) -> None:
        decisions.unblock(self.store, CardKey("hms", number), self.decider())

    def standings(self) -> dict[str, str]:
        return {permit.number: permit.standing for permit in self.store.permit_list().permits}

    def answer(self, number: str) -> CardAnswer | None:
        with self.store.heard() as heard:
            return heard.card(CardKey("hms", number))

    def counted(self, number: str) -> CardAnswer:
        found = self.answer(number)
        assert found is not None
        return found

    @property
    def vigil(self) -> Vigil:
        return msgspec.json.decode(self.store.recall("card_register") or "{}", type=Vigil)

    def alarm(self, name: str) -> bool:
        with self.store.heard() as heard:
            return heard.alarm_raised(name, "card_register")
