"""Every reader of chips keeps the contract of `gate.ports.Reader`: the simulated one, PC/SC on a real pcscd,
and nfcpy on a simulated PN532."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date

import pytest

from gate.model import CardContents, CardId, Medium, Unreadable
from gate.ports import CardShown, HolderRead
from gate.simulator.card import VirtualCard
from tests.sim import readers, vpcd
from tests.sim.readers import NAME, Bench, card_of

needs_pcscd = [
    pytest.mark.real,
    pytest.mark.skipif(vpcd.missing() is not None, reason=vpcd.missing() or ""),
]


BENCHES: dict[str, Callable[[], AbstractContextManager[Bench]]] = {
    "virtual": readers.virtual_bench,
    "pcsc": readers.pcsc_bench,
    "pn532": readers.pn532_bench,
}


@pytest.fixture(params=["virtual", pytest.param("pcsc", marks=needs_pcscd), "pn532"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with BENCHES[request.param]() as started:
        yield started


def test_p12_a_card_is_read_as_far_as_a_decision_needs(bench: Bench) -> None:
    """Number, expiry and employer; who the holder is never enters the gate."""
    reading = bench.show(card_of())
    assert (reading.reader, reading.medium, reading.uid) == (NAME, Medium.CHIP, bytes.fromhex("5A112233"))
    assert isinstance(reading.result, CardContents)
    assert reading.result == CardContents(CardId("hms", "12345678"), date(2027, 5, 31), "100000008")


def test_the_name_follows_the_decision_and_only_where_the_reader_greets() -> None:
    with readers.virtual_bench(greet=True) as bench:
        bench.show(card_of())
        first, name = bench.inputs[-2:]
    assert isinstance(first, CardShown)
    assert isinstance(first.reading.result, CardContents)
    assert first.reading.result.first_name is None
    assert name == HolderRead(NAME, CardId("hms", "12345678"), "Łukasz")


def test_a_uid_of_seven_bytes_comes_through(bench: Bench) -> None:
    uid = bytes.fromhex("04112233445566")
    assert bench.show(card_of(uid=uid)).uid == uid


def test_a_card_that_stays_is_delivered_once(bench: Bench) -> None:
    card = card_of()
    bench.show(card)
    bench.hand.remove()
    other = bench.show(card_of("87654321"))
    assert isinstance(other.result, CardContents)
    assert len(bench.shown) == 2


def test_a_card_shown_again_is_delivered_again(bench: Bench) -> None:
    card = card_of()
    first = bench.show(card)
    bench.hand.remove()
    assert bench.show(card) == first


@pytest.mark.parametrize("stumbles", [{1}, {2}, {3}, {2, 5}, {3, 4, 6}], ids=str)
def test_a_torn_read_is_tried_again_while_the_card_stays(bench: Bench, stumbles: set[int]) -> None:
    """P9."""
    reading = bench.show(card_of(), stumbles=frozenset(stumbles))
    assert isinstance(reading.result, CardContents)
    assert reading.result.damaged == ()


@pytest.mark.parametrize("leaves_after", [0, 1, 2])
def test_a_card_taken_away_too_soon_is_an_unreadable_card(bench: Bench, leaves_after: int) -> None:
    """P9: the worker gets an answer."""
    reading = bench.show(card_of(), leaves_after=leaves_after)
    assert reading.result == Unreadable("the card was taken away too soon", 128, "card_number")
    assert len(bench.shown) == 1


def test_a_card_taken_away_right_after_the_decision_is_decided_on(bench: Bench) -> None:
    """Four exchanges with a key to load, three without; nothing comes after them."""
    reading = bench.show(card_of(), leaves_after=4)
    assert isinstance(reading.result, CardContents)
    assert reading.result.damaged == ()


def test_a_card_of_another_scheme_is_an_unreadable_card(bench: Bench) -> None:
    """P9."""
    reading = bench.show(VirtualCard.fresh(bytes.fromhex("5A445566")))
    assert reading.result == Unreadable("sector 32 does not open with key 'demo-read'", 128, "card_number")
    bench.hand.remove()
    assert isinstance(bench.show(card_of()).result, CardContents)


def test_health_is_told_at_the_start(bench: Bench) -> None:
    assert bench.states == ["ok"]


def test_closing_twice_is_closing_once_and_leaves_no_thread(bench: Bench) -> None:
    bench.reader.close()
    bench.reader.close()
    assert [thread.name for thread in threading.enumerate() if thread.name == f"reader-{NAME}"] == []


def test_no_whole_card_number_and_no_key_is_logged(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """P12."""
    caplog.set_level(logging.DEBUG)
    bench.show(card_of())
    bench.hand.remove()
    bench.show(VirtualCard.fresh(bytes.fromhex("5A445566")))
    for secret in ("12345678", "Ødegårdsmo", "100000008", "D3F7D3F7D3F7", "d3f7d3f7d3f7"):
        assert secret not in caplog.text
