"""When a gate asks for its next certificate, and what it makes of the answer; the time is passed in."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.certificate import OwnCertificate
from gate.errors import CertificateError
from gate.model import Moment
from gate.ports import Noted
from gate.uplink.contract import CertificateAnswer, Publish, Topics
from gate.uplink.renewal import ASK_AGAIN_CAP_MS, ASK_AGAIN_FIRST_MS, DAY_MS, LOOK_MS, Renewal, RenewalEffect, Renewed
from gate.uplink.signing import Signer, Verifier, opened_wish
from hub.authority import Authority, authority_at

SITE, GATE = "yard", "north"
START_MS = 1_781_500_000_000
HUB_KEY = Ed25519PrivateKey.from_private_bytes(b"hub".ljust(32, b"\0"))
SIGNER = Signer(SITE, HUB_KEY)
LIFE_DAYS = 90
DUE_DAYS = 60
"""Two thirds, but for the day by which a certificate is backdated."""


def moment(days: float, *, since_start_ms: int = 0, trusted: bool = True) -> Moment:
    wall_ms = START_MS + int(days * DAY_MS) + since_start_ms
    return Moment(boot="b", monotonic_ms=int(days * DAY_MS) + since_start_ms, wall_ms=wall_ms, trusted=trusted)


@dataclass
class Bench:
    """A gate's certificate on the disk, and the authority that made it."""

    folder: Path
    authority: Authority = field(init=False)
    own: OwnCertificate = field(init=False)
    renewal: Renewal = field(init=False)

    def __post_init__(self) -> None:
        self.authority = authority_at(self.folder / "authority.pem", SITE, START_MS)
        self.own = OwnCertificate(self.folder / "certificate.pem", GATE)
        self.own.take(self.certified(self.own.request(), START_MS), self.authority.pem)
        self.restart()

    def restart(self) -> None:
        verifier = Verifier(SITE, HUB_KEY.public_key())
        self.renewal = Renewal(SITE, GATE, verifier, self.own, lambda: self.authority.pem)

    def certified(self, csr: bytes, now_ms: int, authority: Authority | None = None, name: str = GATE) -> str:
        public = x509.load_der_x509_csr(csr).public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        made = (authority or self.authority).client(name, public, now_ms, LIFE_DAYS)
        return made.public_bytes(serialization.Encoding.PEM).decode()

    def asked(self, now: Moment) -> bytes | None:
        """The request that it sends in this tick."""
        sent = [one for one in self.renewal.tick(now) if isinstance(one, Publish)]
        assert len(sent) <= 1
        assert all(one.topic == Topics(SITE).certificate_want(GATE) and not one.retain for one in sent)
        return sent[0].payload if sent else None

    def answer(self, wish: bytes, now: Moment, signer: Signer = SIGNER, **changed: object) -> list[RenewalEffect]:
        opened = opened_wish(SITE, wish)
        given = {"request": opened.digest, "gate": GATE, **changed}
        if not given.keys() & {"certificate", "refused", "early"}:
            given["certificate"] = self.certified(opened.request.csr, now.wall_ms)
        return self.renewal.answered(signer.seal(CertificateAnswer(**given)), now)  # type: ignore[arg-type]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def alarms(effects: list[RenewalEffect]) -> list[tuple[str, object]]:
    return [(str(one.kind), one.detail["alarm"]) for one in effects if isinstance(one, Noted)]


def test_it_asks_when_two_thirds_are_over(bench: Bench) -> None:
    assert bench.asked(moment(0)) is None
    assert bench.asked(moment(DUE_DAYS - 1)) is None
    wish = bench.asked(moment(DUE_DAYS))
    assert wish is not None
    request = opened_wish(SITE, wish).request
    assert request.serial == bench.own.held().serial
    public = x509.load_der_x509_csr(request.csr).public_key()
    assert public != bench.own.held().key.public_key(), "a new certificate is over a new key"


def test_the_answer_brings_the_certificate_and_a_new_connection(bench: Bench) -> None:
    before = bench.own.held()
    wish = bench.asked(moment(DUE_DAYS))
    assert wish
    assert bench.answer(wish, moment(DUE_DAYS)) == [Renewed()]
    after = bench.own.held()
    assert (after.serial != before.serial, after.ends_ms - before.ends_ms) == (True, DUE_DAYS * DAY_MS)
    assert sorted(one.name for one in bench.folder.iterdir()) == ["authority.pem", "certificate.pem"]
    assert bench.own.file.stat().st_mode & 0o777 == 0o600
    assert bench.asked(moment(DUE_DAYS, since_start_ms=LOOK_MS)) is None
    assert bench.asked(moment(2 * DUE_DAYS + 1)) is not None


def test_it_asks_again_ever_more_slowly_over_the_same_key(bench: Bench) -> None:
    at_ms, waits, keys = 0, [], set()
    for _ in range(12):
        wish = bench.asked(moment(DUE_DAYS, since_start_ms=at_ms))
        assert wish
        keys.add(_public(wish))
        step = 0
        while bench.asked(moment(DUE_DAYS, since_start_ms=at_ms + step)) is None and step < ASK_AGAIN_CAP_MS:
            step += ASK_AGAIN_FIRST_MS // 2
        waits.append(step)
        at_ms += step + 24 * 3_600_000
    assert len(keys) == 1
    assert waits[0] == ASK_AGAIN_FIRST_MS
    assert waits == sorted(waits)
    assert waits[-1] <= ASK_AGAIN_CAP_MS


def _public(wish: bytes) -> bytes:
    public = x509.load_der_x509_csr(opened_wish(SITE, wish).request.csr).public_key()
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_p10_a_clock_that_is_not_trusted_lets_the_hub_say_when(bench: Bench) -> None:
    now = moment(0, trusted=False)
    wish = bench.asked(now)
    assert wish
    assert bench.answer(wish, now, early=True) == []
    assert bench.asked(moment(0.99, trusted=False)) is None
    assert bench.asked(moment(1.01, trusted=False)) is not None


def test_p8_only_this_hub_s_answer_to_the_last_request_counts(bench: Bench, tmp_path: Path) -> None:
    before = bench.own.file.read_bytes()
    first = bench.asked(moment(DUE_DAYS))
    now = moment(DUE_DAYS, since_start_ms=ASK_AGAIN_FIRST_MS)
    second = bench.asked(now)
    assert first
    assert second
    assert bench.answer(first, now) == [], "late"
    stranger = Signer(SITE, Ed25519PrivateKey.generate())
    assert alarms(bench.answer(second, now, stranger)) == [("alarm.raised", "certificate.refused")]
    assert bench.renewal.answered(b"garbage", now) == [], "the alarm is raised once"
    elsewhere = authority_at(tmp_path / "another" / "authority.pem", SITE, START_MS)
    csr = opened_wish(SITE, second).request.csr
    assert bench.answer(second, now, certificate=bench.certified(csr, START_MS, elsewhere)) == []
    assert bench.own.file.read_bytes() == before


@pytest.mark.parametrize("wrong", ["of another key", "of another gate", "nothing"])
def test_a_certificate_that_does_not_fit_changes_nothing(bench: Bench, wrong: str, tmp_path: Path) -> None:
    before = bench.own.file.read_bytes()
    now = moment(DUE_DAYS)
    wish = bench.asked(now)
    assert wish
    another = OwnCertificate(tmp_path / "another.pem", GATE).request()
    certificate = {
        "of another key": bench.certified(another, now.wall_ms),
        "of another gate": bench.certified(opened_wish(SITE, wish).request.csr, now.wall_ms, name="south"),
        "nothing": "nothing",
    }[wrong]
    assert alarms(bench.answer(wish, now, certificate=certificate)) == [("alarm.raised", "certificate.refused")]
    assert bench.own.file.read_bytes() == before


def test_a_refusal_is_an_alarm_that_ends_with_the_certificate(bench: Bench) -> None:
    wish = bench.asked(moment(DUE_DAYS))
    assert wish
    told = bench.answer(wish, moment(DUE_DAYS), refused="north was revoked")
    assert alarms(told) == [("alarm.raised", "certificate.refused")]
    again = bench.asked(moment(DUE_DAYS + 1))
    assert again
    assert bench.answer(again, moment(DUE_DAYS + 1), refused="north was revoked") == []
    last = bench.asked(moment(DUE_DAYS + 2))
    assert last
    effects = bench.answer(last, moment(DUE_DAYS + 2))
    assert alarms(effects) == [("alarm.cleared", "certificate.refused")]
    assert effects[-1] == Renewed()


def test_p11_a_certificate_that_will_end_soon_is_an_alarm_once(bench: Bench) -> None:
    assert alarms(bench.renewal.tick(moment(DUE_DAYS))) == []
    assert alarms(bench.renewal.tick(moment(80))) == [("alarm.raised", "certificate.ending")]
    assert alarms(bench.renewal.tick(moment(81))) == []


def test_power_goes_between_the_two_files(bench: Bench) -> None:
    """The certificate is in place and its key still stands as pending: the next request is over a new one."""
    wish = bench.asked(moment(DUE_DAYS))
    assert wish
    pending = bench.folder / "certificate.pem.pending"
    left_over = pending.read_bytes()
    bench.answer(wish, moment(DUE_DAYS))
    pending.write_bytes(left_over)
    bench.restart()
    following = bench.asked(moment(2 * DUE_DAYS + 1))
    assert following
    assert _public(following) != _public(wish)


def test_power_goes_before_the_answer(bench: Bench) -> None:
    """The request after the restart is over the same key: the hub says again what it has said."""
    first = bench.asked(moment(DUE_DAYS))
    bench.restart()
    second = bench.asked(moment(DUE_DAYS))
    assert first
    assert second
    assert _public(first) == _public(second)


def test_a_file_that_is_spoilt_is_told_of_and_never_replaced(bench: Bench) -> None:
    bench.own.file.write_bytes(b"spoilt")
    assert alarms(bench.renewal.tick(moment(DUE_DAYS))) == [("alarm.raised", "certificate.refused")]
    assert bench.own.file.read_bytes() == b"spoilt"
    with pytest.raises(CertificateError, match="join again with a bundle"):
        bench.own.held()


def test_the_pending_key_is_as_secret_as_the_other(bench: Bench) -> None:
    bench.own.request()
    assert (bench.folder / "certificate.pem.pending").stat().st_mode & 0o777 == 0o600
