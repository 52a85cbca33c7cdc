"""Who gets a certificate, and who does not: the desk on a real store, with the time passed in."""

import contextlib
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.uplink.contract import CertificateAnswer, CertificateRequest, Topics
from gate.uplink.signing import Sealed, Signer, Verifier, opened_wish, sealed_wish
from hub.authority import issuing
from hub.broker_config import RESERVED
from hub.enrolment import EnrolmentDesk, invite, revoke
from hub.errors import EnrolmentError
from hub.queries import counts
from hub.store import HubStore, schema

SITE = "yard"
NOW_MS = 1_781_500_000_000
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
HUB_KEY = Ed25519PrivateKey.from_private_bytes(b"hub".ljust(32, b"\0"))
TOPICS = Topics(SITE)
JOIN = TOPICS.join_request("0123")
VALID_DAYS = 90


@dataclass
class Controller:
    """A gate's side: its own key, and the token it was given."""

    gate: str
    token: Ed25519PrivateKey
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def csr(self, key: ec.EllipticCurvePrivateKey | None = None, name: str | None = None) -> bytes:
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name or self.gate)])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key or self.key, hashes.SHA256())
        return request.public_bytes(serialization.Encoding.DER)

    def wish(self, csr: bytes | None = None) -> tuple[bytes, str]:
        return sealed_wish(SITE, CertificateRequest(self.gate, self.csr() if csr is None else csr), self.token.sign)

    def renewal(self, held: x509.Certificate, following: ec.EllipticCurvePrivateKey) -> tuple[bytes, str]:
        request = CertificateRequest(self.gate, self.csr(following), f"{held.serial_number:x}")
        return sealed_wish(SITE, request, lambda message: self.key.sign(message, ec.ECDSA(hashes.SHA256())))


class Office:
    """The hub's side."""

    def __init__(self, folder: Path, store: HubStore) -> None:
        self.store = store
        self.authority = folder / "authority.pem"
        issue = issuing(self.authority, SITE, VALID_DAYS)
        self.desk = EnrolmentDesk(SITE, self.store, Signer(SITE, HUB_KEY), issue)

    def invite(self, gate: str, now_ms: int = NOW_MS) -> Controller:
        token = Ed25519PrivateKey.generate()
        with self.store.enrolling() as transaction:
            invite(transaction, gate, token.public_key().public_bytes_raw(), now_ms + 72 * HOUR_MS, now_ms)
        return Controller(gate, token)

    def asked(self, wish: tuple[bytes, str], now_ms: int = NOW_MS, topic: str = JOIN) -> CertificateAnswer:
        """The one answer, opened as a gate opens it."""
        (answer,) = self.desk.take([(topic, wish[0])], now_ms)
        assert answer.topic == TOPICS.answer_to(topic)
        assert not answer.retain
        opened = Verifier(SITE, HUB_KEY.public_key()).open(CertificateAnswer, answer.payload)
        assert opened.request == wish[1]
        return opened

    def joined(self, gate: str = "north", now_ms: int = NOW_MS) -> tuple[Controller, x509.Certificate]:
        controller = self.invite(gate, now_ms)
        return controller, certificate(self.asked(controller.wish(), now_ms))

    def issued(self) -> int:
        with self.store.enrolling() as transaction:
            return len(transaction.certificates())

    def kept_aside(self) -> list[str]:
        with self.store.reading() as connection:
            return [row.why for row in connection.execute(schema.quarantine.select())]


def certificate(answer: CertificateAnswer) -> x509.Certificate:
    assert (answer.refused, answer.early) == ("", False)
    return x509.load_pem_x509_certificate(answer.certificate.encode())


@pytest.fixture
def office(tmp_path: Path, store: HubStore) -> Office:
    return Office(tmp_path, store)


def test_who_was_invited_gets_a_certificate_over_its_own_key(office: Office) -> None:
    north, held = office.joined()
    assert held.public_key() == north.key.public_key()
    assert [one.value for one in held.subject] == ["north"]
    authority = x509.load_pem_x509_certificate(office.authority.read_bytes())
    held.verify_directly_issued_by(authority)
    assert not held.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    purposes = held.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert office.authority.stat().st_mode & 0o777 == 0o600


def test_the_token_is_not_at_the_hub(office: Office) -> None:
    north = office.invite("north")
    office.asked(north.wish())
    seed = north.token.private_bytes_raw()
    with office.store.reading() as connection:
        dump = b"".join(repr(tuple(row)).encode() for row in connection.execute(schema.enrolments.select()))
    assert seed not in dump
    assert repr(seed).encode() not in dump
    assert seed.hex().encode() not in dump


def test_a_token_is_good_once_and_its_first_answer_may_be_lost(office: Office) -> None:
    north = office.invite("north")
    first = office.asked(north.wish())
    assert office.asked(north.wish(), NOW_MS + 1000).certificate == first.certificate
    assert office.issued() == 1
    refused = office.asked(Controller("north", north.token).wish()).refused
    assert "used before, by another controller" in refused
    assert office.kept_aside() == [refused]
    assert office.issued() == 1


def test_of_two_who_come_at_once_with_one_token_one_gets_in(office: Office, tmp_path: Path, database: Any) -> None:
    """Two hubs behind one database, each with another controller's request."""
    north = office.invite("north")
    rivals = [north, Controller("north", north.token)]
    together = threading.Barrier(len(rivals))
    answers: list[CertificateAnswer] = []

    def ask(controller: Controller) -> None:
        with contextlib.closing(HubStore(database)) as store:
            hub = Office(tmp_path, store)
            together.wait(20)
            answers.append(hub.asked(controller.wish()))

    threads = [threading.Thread(target=ask, args=[one]) for one in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 2
    assert sorted(bool(one.certificate) for one in answers) == [False, True]
    assert office.issued() == 1


@pytest.mark.parametrize(("hours", "taken"), [(71.99, True), (72.01, False)])
def test_a_token_ends(office: Office, hours: float, taken: bool) -> None:
    answer = office.asked(office.invite("north").wish(), NOW_MS + int(hours * HOUR_MS))
    assert bool(answer.certificate) == taken
    assert ("ended at" in answer.refused) != taken


def test_nobody_can_join_with_another_s_token_or_none(office: Office) -> None:
    """One answer for all of them: a stranger learns nothing of who is enrolled."""
    north = office.invite("north")
    office.invite("south")
    wrong = [
        Controller("south", north.token),
        Controller("north", Ed25519PrivateKey.generate()),
        Controller("nobody", north.token),
    ]
    said = {office.asked(one.wish()).refused.replace(one.gate, "X") for one in wrong}
    assert len(said) == 1
    assert "not the valid one of X" in said.pop()
    assert office.issued() == 0
    assert certificate(office.asked(north.wish())), "the real one still may"


def test_a_request_that_was_swapped_on_the_way_is_refused(office: Office) -> None:
    """A broker that puts its own key into the request, or its own name, or takes the signature elsewhere."""
    north, thief = office.invite("north"), Controller("north", Ed25519PrivateKey.generate())
    sealed = msgspec.msgpack.decode(north.wish()[0], type=Sealed)
    swapped = msgspec.msgpack.encode(CertificateRequest("north", thief.csr()))
    envelope = msgspec.msgpack.encode(Sealed(swapped, sealed.signature))
    assert office.asked((envelope, opened_wish(SITE, envelope).digest)).refused
    other_site = sealed_wish("elsewhere", CertificateRequest("north", north.csr()), north.token.sign)
    assert office.asked(other_site).refused
    assert office.issued() == 0
    # The same bytes again bring what they brought before, over north's own key.
    replayed = north.wish()
    first, second = office.asked(replayed), office.asked(replayed)
    assert first == second
    assert certificate(second).public_key() == north.key.public_key()


def test_a_request_over_another_name_a_foreign_key_or_another_curve(office: Office) -> None:
    north = office.invite("north")
    genuine = north.csr()
    flipped = genuine[:-4] + bytes([genuine[-4] ^ 1]) + genuine[-3:]
    big = ec.generate_private_key(ec.SECP384R1())
    for csr in (north.csr(name="hub"), north.csr(name="south"), flipped, north.csr(key=big), b"none"):
        assert office.asked(north.wish(csr)).refused
    assert office.issued() == 0


@pytest.mark.parametrize("gate", sorted(RESERVED))
def test_no_gate_bears_a_word_of_the_topics(office: Office, gate: str) -> None:
    with pytest.raises(EnrolmentError, match="take another name"):
        office.invite(gate)


def test_renewal_after_half_of_the_life_with_the_key_at_hand(office: Office) -> None:
    north, held = office.joined()
    own = TOPICS.certificate_want("north")
    following = ec.generate_private_key(ec.SECP256R1())
    early = office.asked(north.renewal(held, following), NOW_MS + 30 * DAY_MS, own)
    assert (early.early, early.certificate, early.refused) == (True, "", "")
    later = NOW_MS + 61 * DAY_MS
    new = certificate(office.asked(north.renewal(held, following), later, own))
    assert new.public_key() == following.public_key()
    assert new.not_valid_after_utc > held.not_valid_after_utc
    again = office.asked(north.renewal(held, following), later + 1000, own)
    assert certificate(again) == new, "an answer that was lost is said again"
    assert office.issued() == 2


def test_renewal_is_refused_to_strangers_and_after_the_end(office: Office) -> None:
    north, held = office.joined()
    south, at_south = office.joined("south")
    following = ec.generate_private_key(ec.SECP256R1())
    own, later = TOPICS.certificate_want("north"), NOW_MS + 61 * DAY_MS
    thief = Controller("north", north.token)
    assert "not signed" in office.asked(thief.renewal(held, following), later, own).refused
    as_north = Controller("north", south.token, south.key)
    assert "not signed" in office.asked(as_north.renewal(at_south, following), later, own).refused
    ended = office.asked(north.renewal(held, following), NOW_MS + 91 * DAY_MS, own)
    assert "the certificate ended at" in ended.refused
    assert office.issued() == 2


def test_revoked_means_no_renewal_no_token_and_no_certificate(office: Office) -> None:
    north, held = office.joined()
    with office.store.enrolling() as transaction:
        assert revoke(transaction, "north", NOW_MS) == 1
        assert revoke(transaction, "north", NOW_MS + 1) == 0
    following = ec.generate_private_key(ec.SECP256R1())
    answer = office.asked(north.renewal(held, following), NOW_MS + 61 * DAY_MS, TOPICS.certificate_want("north"))
    assert "was revoked at" in answer.refused
    assert "not the valid one" in office.asked(north.wish()).refused
    assert office.store.revoked_gates() == {"north"}
    office.joined()
    assert office.store.revoked_gates() == set()
    # What was revoked once stays so.
    with office.store.enrolling() as transaction:
        assert [one.revoked_ms for one in transaction.certificates()] == [NOW_MS, None]


def test_revoking_nobody_is_told(office: Office) -> None:
    office.invite("north")
    with pytest.raises(EnrolmentError, match="enrolled: north"), office.store.enrolling() as transaction:
        revoke(transaction, "nrth", NOW_MS)


def test_a_request_has_its_place(office: Office) -> None:
    """The first where gates join, later ones on the gate's own topic; anything else is kept aside, unanswered."""
    north, held = office.joined()
    following = ec.generate_private_key(ec.SECP256R1())
    renewal = north.renewal(held, following)[0]
    wrong = [
        (TOPICS.certificate_want("south"), renewal),
        (JOIN, renewal),
        (TOPICS.certificate_want("north"), north.wish()[0]),
        (TOPICS.events("north"), renewal),
        (JOIN, b""),
        (JOIN, b"\x92\xc4\x00\xc4\x00"),
        (JOIN, b"x" * 100_000),
    ]
    assert office.desk.take(wrong, NOW_MS + 61 * DAY_MS) == []
    assert len(office.kept_aside()) == len(wrong)
    assert counts(office.store)["rejected"] == len(wrong)


CSR = Controller("north", Ed25519PrivateKey.generate()).csr()
PLACES = st.integers(0, 199)
"""Below the length of any such request, which differs by a byte or two from one to the next."""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(st.lists(st.tuples(PLACES, st.integers(0, 255)), min_size=1, max_size=6), st.sampled_from([len(CSR), 150, 0]))
def test_p9_a_request_that_is_spoilt_is_refused_and_nothing_else(
    office: Office, changes: list[tuple[int, int]], end: int
) -> None:
    """Signed as it should be, with a certificate request of which any bytes may be others."""
    csr = bytearray(CSR)
    for place, value in changes:
        csr[place] = value
    answer = office.asked(office.invite("north").wish(bytes(csr[:end])))
    assert answer.refused or bytes(csr[:end]) == CSR


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=80), st.sampled_from([JOIN, TOPICS.certificate_want("north")]))
def test_p9_garbage_in_an_envelope(office: Office, payload: bytes, signature: bytes, topic: str) -> None:
    office.desk.take([(topic, payload), (topic, msgspec.msgpack.encode(Sealed(payload, signature)))], NOW_MS)
    assert office.issued() == 0
