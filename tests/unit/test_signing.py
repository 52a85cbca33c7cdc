"""Only this site's hub, for this purpose, at this site (P8)."""

from functools import cache

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from gate.uplink import contract
from gate.uplink.contract import Ack, ContractError, PermitsHead
from gate.uplink.signing import Sealed, Signer, Verifier

ACK = Ack("north", "0123456789abcdef", 42)
HEAD = PermitsHead(7, 3, "a" * 64, 1_781_500_000_000, 1_781_600_000_000)


@cache
def private(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"\0"))


def signer(site: str = "site", key: str = "hub") -> Signer:
    return Signer(site, private(key))


def verifier(site: str = "site", key: str = "hub") -> Verifier:
    return Verifier(site, private(key).public_key())


def test_what_the_hub_sealed_its_gates_open() -> None:
    assert verifier().open(Ack, signer().seal(ACK)) == ACK
    assert verifier().open(PermitsHead, signer().seal(HEAD)) == HEAD


def test_p8_another_key_opens_nothing() -> None:
    with pytest.raises(ContractError, match="not signed by this site's hub"):
        verifier().open(Ack, signer(key="a stranger").seal(ACK))


def test_p8_another_site_s_seal_opens_nothing_even_with_the_same_key() -> None:
    with pytest.raises(ContractError, match="not signed by this site's hub"):
        verifier().open(Ack, signer(site="site-2").seal(ACK))


def test_p8_an_ack_cannot_be_replayed_as_a_list_nor_a_list_as_an_ack() -> None:
    with pytest.raises(ContractError, match="not signed by this site's hub"):
        verifier().open(PermitsHead, signer().seal(ACK))
    with pytest.raises(ContractError, match="not signed by this site's hub"):
        verifier().open(Ack, signer().seal(HEAD))


def test_p8_the_site_s_name_cannot_borrow_from_the_message() -> None:
    """`site` + message must not be cut elsewhere into another site and another message."""
    body = contract.encode_message(ACK)
    signature = private("hub").sign(b"portvakt/v1\0Ack\0site" + body)
    with pytest.raises(ContractError):
        verifier().open(Ack, msgspec.msgpack.encode(Sealed(body, signature)))


@given(st.data())
def test_p8_a_seal_with_any_bit_turned_opens_nothing(data: st.DataObject) -> None:
    sealed = bytearray(signer().seal(HEAD))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ContractError):
        verifier().open(PermitsHead, bytes(sealed))


@given(st.data())
def test_p8_a_seal_that_is_cut_short_opens_nothing(data: st.DataObject) -> None:
    sealed = signer().seal(ACK)
    with pytest.raises(ContractError):
        verifier().open(Ack, sealed[: data.draw(st.integers(0, len(sealed) - 1))])


def test_p8_a_seal_with_something_behind_it_opens_nothing() -> None:
    with pytest.raises(ContractError):
        verifier().open(Ack, signer().seal(ACK) + b"\0")


@given(st.binary() | st.builds(Sealed, st.binary(), st.binary()).map(msgspec.msgpack.encode))
@example(b"\x91" * 5_000)
@example(b"\x92\xa1\xff\xa1\xff")
@example(b"\x92\xc4\x00\xc4\x00")
def test_p9_garbage_gives_a_contract_error_and_nothing_else(envelope: bytes) -> None:
    with pytest.raises(ContractError):
        verifier().open(Ack, envelope)
    with pytest.raises(ContractError):
        verifier().open(PermitsHead, envelope)


def test_p8_a_signed_message_is_still_held_to_the_contract() -> None:
    wrong = signer().seal(Ack("Not A Name", "e", 1))
    with pytest.raises(ContractError, match="Ack"):
        verifier().open(Ack, wrong)


def test_p11_a_seal_above_the_limit_is_refused_unread() -> None:
    with pytest.raises(ContractError, match="too large"):
        verifier().open(Ack, b"\0" * (contract.MAX_CHUNK_BYTES + 1))
