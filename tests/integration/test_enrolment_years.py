"""Five years of one gate's certificates, hour by hour, with all that goes wrong; a seed is a whole history."""

import contextlib
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.certificate import OwnCertificate
from gate.model import Moment
from gate.uplink.contract import CertificateAnswer, CertificateRequest, Publish, Topics
from gate.uplink.renewal import Renewal, RenewalEffect, Renewed
from gate.uplink.signing import Signer, Verifier, sealed_wish
from hub.authority import authority_at, issuing
from hub.enrolment import EnrolmentDesk, invite
from hub.store import HubStore

SITE, GATE = "yard", "north"
START_MS = 1_781_500_000_000
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
LIFE_DAYS = 90
AWAY_DAYS = 20
"""The longest that hub or cable are away: a third of a life is 30."""
YEARS = 5
HUB_KEY = Ed25519PrivateKey.from_private_bytes(b"hub".ljust(32, b"\0"))


class History:
    """The gate, the hub's desk, and what lies between them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = Random(seed)
        self.folder = folder
        self.store = HubStore(folder / "hub.sqlite3")
        authority = folder / "authority.pem"
        self.pem = authority_at(authority, SITE, START_MS).pem
        self.desk = EnrolmentDesk(SITE, self.store, Signer(SITE, HUB_KEY), issuing(authority, SITE, LIFE_DAYS))
        self.own = OwnCertificate(folder / "certificate.pem", GATE)
        self.late: list[bytes] = []
        self.renewed = 0
        self.left_over = b""
        self._join()
        self.restart()

    def _join(self) -> None:
        token = Ed25519PrivateKey.generate()
        with self.store.enrolling() as transaction:
            invite(transaction, GATE, token.public_key().public_bytes_raw(), START_MS + HOUR_MS, START_MS)
        wish, _ = sealed_wish(SITE, CertificateRequest(GATE, self.own.request()), token.sign)
        (answer,) = self.desk.take([(Topics(SITE).join_request("0"), wish)], START_MS)
        opened = Verifier(SITE, HUB_KEY.public_key()).open(CertificateAnswer, answer.payload)
        self.own.take(opened.certificate, self.pem)

    def restart(self) -> None:
        """SIGKILL: what it knew is gone, and perhaps a key that is in use already still stands as pending."""
        pending = self.folder / "certificate.pem.pending"
        if self.left_over and self.chance.random() < 0.5 and not pending.exists():
            pending.write_bytes(self.left_over)
        verifier = Verifier(SITE, HUB_KEY.public_key())
        self.renewal = Renewal(SITE, GATE, verifier, self.own, lambda: self.pem)

    def turn(self, now: Moment, true_ms: int) -> None:
        """One look of the gate, with the hub there: requests and answers are lost, doubled and late."""
        pending = self.folder / "certificate.pem.pending"
        for effect in self.renewal.tick(now):
            if not isinstance(effect, Publish) or self.chance.random() < 0.3:
                continue
            self.left_over = pending.read_bytes()
            for _ in range(self.chance.choice((1, 1, 2))):
                for answer in self.desk.take([(effect.topic, effect.payload)], true_ms):
                    if self.chance.random() < 0.3:
                        self.late.append(answer.payload)
                    elif self.chance.random() < 0.7:
                        self._hear(answer.payload, now)
        if self.late and self.chance.random() < 0.2:
            self._hear(self.late.pop(0), now)

    def _hear(self, payload: bytes, now: Moment) -> None:
        effects: list[RenewalEffect] = self.renewal.answered(payload, now)
        self.renewed += sum(isinstance(one, Renewed) for one in effects)


@pytest.mark.parametrize("seed", range(4))
def test_a_gate_is_never_without_a_certificate(tmp_path: Path, seed: int) -> None:
    history = History(tmp_path, seed)
    chance = history.chance
    away_until = untrusted_until = 0
    with contextlib.closing(history.store):
        for hour in range(0, YEARS * 365 * 24, 3):
            true_ms = START_MS + hour * HOUR_MS
            assert history.own.held().ends_ms > true_ms, f"seed {seed}, hour {hour}"
            if chance.random() < 0.002:
                away_until = hour + chance.randrange(AWAY_DAYS * 24)
            if chance.random() < 0.002:
                untrusted_until = hour + chance.randrange(100 * 24)
            if chance.random() < 0.02:
                history.restart()
            trusted = hour >= untrusted_until
            # A clock that nobody has set says anything, here 1970.
            now = Moment(boot="b", monotonic_ms=hour * HOUR_MS, wall_ms=true_ms if trusted else hour, trusted=trusted)
            if hour >= away_until:
                history.turn(now, true_ms)
        with history.store.enrolling() as transaction:
            issued = transaction.certificates()
    least = YEARS * 365 // LIFE_DAYS
    assert history.renewed >= least
    assert len(issued) <= YEARS * 365 // (LIFE_DAYS // 2) + 1, "none in the first half of a life"
    assert {one.gate for one in issued} == {GATE}
    assert len({one.public_key for one in issued}) == len(issued), "each over a key of its own"
