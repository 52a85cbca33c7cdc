"""When a gate asks for its next certificate, and what it does with the answer. Holds no thread and no clock.

1. It asks when two thirds of the life of the one at hand are over. A clock that is not trusted tells nothing about
   that; then it asks once a day, and the hub, which knows the time, says that it is early.
2. It asks again until it is answered, ever more slowly. A refusal is an alarm, and asked again all the same.
3. Only an answer that this site's hub signed, to the last request, brings a certificate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gate.errors import CertificateError
from gate.model import EventKind, Moment
from gate.ports import Noted
from gate.uplink.contract import CertificateAnswer, CertificateRequest, ContractError, Publish, Topics
from gate.uplink.signing import Verifier, sealed_wish

ASK_AGAIN_FIRST_MS = 60_000
ASK_AGAIN_CAP_MS = 6 * 3_600_000
LOOK_MS = 3_600_000
DAY_MS = 86_400_000
REFUSED, ENDING = "certificate.refused", "certificate.ending"


class HeldCertificate(Protocol):
    """What is known of the certificate at hand. Times are Unix milliseconds."""

    @property
    def serial(self) -> str: ...

    @property
    def begins_ms(self) -> int: ...

    @property
    def ends_ms(self) -> int: ...

    def sign(self, message: bytes) -> bytes: ...


class RenewableCertificate(Protocol):
    """`gate.certificate.OwnCertificate`. Methods raise CertificateError."""

    def held(self) -> HeldCertificate: ...

    def request(self) -> bytes: ...

    def take(self, pem: str, authority: str) -> object: ...


@dataclass(frozen=True, slots=True)
class Renewed:
    """There is a new certificate; the link has to be made anew with it."""


RenewalEffect = Publish | Noted | Renewed


class Renewal:
    """One gate's. `authority` reads the site's authority, PEM; it may raise OSError."""

    def __init__(
        self, site: str, gate: str, verifier: Verifier, own: RenewableCertificate, authority: Callable[[], str]
    ) -> None:
        self._site = site
        self._gate = gate
        self._topics = Topics(site)
        self._verifier = verifier
        self._certificate = own
        self._authority = authority
        self._next_ms = 0
        self._wait_ms = ASK_AGAIN_FIRST_MS
        self._asked = ""
        self._alarms: set[str] = set()

    @property
    def topic(self) -> str:
        """Where the answers come."""
        return self._topics.certificate(self._gate)

    def tick(self, now: Moment) -> list[RenewalEffect]:
        """Called while the gate is connected and may speak."""
        if now.monotonic_ms < self._next_ms:
            return []
        try:
            held = self._certificate.held()
            if now.trusted and now.wall_ms < _part_of_life(held, 2, 3):
                self._next_ms = now.monotonic_ms + LOOK_MS
                return []
            request = CertificateRequest(self._gate, self._certificate.request(), held.serial)
        except CertificateError as wrong:
            return self._later(now) + self._alarm(REFUSED, str(wrong))
        wish, self._asked = sealed_wish(self._site, request, held.sign)
        asked: list[RenewalEffect] = [Publish(self._topics.certificate_want(self._gate), wish)]
        if now.trusted and now.wall_ms >= _part_of_life(held, 5, 6):
            days = max(0, held.ends_ms - now.wall_ms) // DAY_MS
            asked += self._alarm(ENDING, f"{days} days left; does the hub run? A new bundle helps: hub enroll")
        return asked + self._later(now)

    def answered(self, payload: bytes, now: Moment) -> list[RenewalEffect]:
        """Something came on `topic`."""
        try:
            answer = self._verifier.open(CertificateAnswer, payload)
        except ContractError as wrong:
            return self._alarm(REFUSED, str(wrong))
        if not self._asked or answer.request != self._asked or answer.gate != self._gate:
            # Of a request before the last one, or played again by somebody.
            return []
        self._asked = ""
        if answer.early:
            self._next_ms, self._wait_ms = now.monotonic_ms + DAY_MS, ASK_AGAIN_FIRST_MS
            return []
        if answer.refused:
            return self._alarm(REFUSED, answer.refused)
        try:
            self._certificate.take(answer.certificate, self._authority())
        except (CertificateError, OSError) as wrong:
            return self._alarm(REFUSED, str(wrong))
        self._next_ms, self._wait_ms = now.monotonic_ms + LOOK_MS, ASK_AGAIN_FIRST_MS
        cleared: list[RenewalEffect] = [
            Noted(EventKind.ALARM_CLEARED, {"alarm": alarm, "what": ""}) for alarm in sorted(self._alarms)
        ]
        self._alarms.clear()
        return [*cleared, Renewed()]

    def _later(self, now: Moment) -> list[RenewalEffect]:
        self._next_ms = now.monotonic_ms + self._wait_ms
        self._wait_ms = min(2 * self._wait_ms, ASK_AGAIN_CAP_MS)
        return []

    def _alarm(self, alarm: str, what: str) -> list[RenewalEffect]:
        """Once, until it is over."""
        if alarm in self._alarms:
            return []
        self._alarms.add(alarm)
        return [Noted(EventKind.ALARM_RAISED, {"alarm": alarm, "what": what[:300]})]


def _part_of_life(held: HeldCertificate, part: int, of: int) -> int:
    return held.begins_ms + (held.ends_ms - held.begins_ms) * part // of
