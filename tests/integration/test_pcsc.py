"""The PC/SC reader on a real pcscd: what only that can show. The contract's suite is tests/conformance."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.model import CardContents, Unreadable
from tests.sim import readers, vpcd
from tests.sim.readers import Bench, card_of, session_pcscd
from tests.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.skipif(vpcd.missing() is not None, reason=vpcd.missing() or "")]


@pytest.fixture
def bench() -> Iterator[Bench]:
    with readers.pcsc_bench() as started:
        session_pcscd().slot(0).storage.log.clear()
        yield started


@pytest.fixture
def killed() -> Iterator[None]:
    """Whatever a test does to pcscd, the next one finds it well."""
    yield
    daemon = session_pcscd()
    daemon.kill()
    daemon.plug_in()
    daemon.start()


def commands() -> list[str]:
    """The commands that reached the reader, class and instruction in hex."""
    return session_pcscd().slot(0).storage.log


def test_a_badge_takes_two_commands_to_the_card_and_no_more(bench: Bench) -> None:
    """One authentication, one read; before them the reader's own serial number and, once, its key."""
    bench.show(card_of())
    bench.hand.remove()
    bench.show(card_of())
    assert commands() == ["ffca", "ff82", "ff86", "ffb0", "ffca", "ff86", "ffb0"]


def test_the_key_is_loaded_once_for_many_cards(bench: Bench) -> None:
    for number in ("11111111", "22222222"):
        bench.show(card_of(number))
        bench.hand.remove()
    assert commands().count("ff82") == 1


def test_a_reader_that_lost_its_key_gets_it_again(bench: Bench) -> None:
    bench.show(card_of())
    bench.hand.remove()
    session_pcscd().slot(0).storage.keys.clear()
    assert isinstance(bench.show(card_of()).result, CardContents)
    assert commands().count("ff82") == 2


def test_a_reader_that_wants_another_key_structure_says_so(bench: Bench) -> None:
    storage = session_pcscd().slot(0).storage
    storage.structure = 0x20
    try:
        result = bench.show(card_of()).result
    finally:
        storage.structure = 0x00
    assert isinstance(result, Unreadable)
    assert "key_structure" in result.what


@pytest.mark.usefixtures("killed")
def test_a_killed_pcscd_is_a_state_and_its_return_is_noticed(bench: Bench) -> None:
    daemon = session_pcscd()
    bench.show(card_of())
    daemon.kill()
    wait_for("the loss to be told", lambda: "pcscd" in bench.said)
    daemon.start()
    bench.wait_state("ok")
    assert isinstance(bench.show(card_of()).result, CardContents)


@pytest.mark.usefixtures("killed")
def test_a_reader_that_is_not_there_is_absent_until_it_is(bench: Bench) -> None:
    daemon = session_pcscd()
    daemon.kill()
    daemon.unplug()
    daemon.start()
    bench.wait_state("absent")
    daemon.kill()
    daemon.plug_in()
    daemon.start()
    bench.wait_state("ok")
    assert isinstance(bench.show(card_of()).result, CardContents)


@pytest.mark.usefixtures("killed")
def test_a_reader_can_be_closed_while_pcscd_is_away(bench: Bench) -> None:
    session_pcscd().kill()
    wait_for("the loss to be told", lambda: "pcscd" in bench.said)
    bench.reader.close()


@pytest.mark.parametrize(
    ("match", "state", "what"),
    [
        ("Virtual PCD 00 01", "ok", ""),
        ("no such reader", "absent", "no reader's name holds 'no such reader'; is it plugged in?"),
        (
            "Virtual",
            "faulty",
            "several readers match 'Virtual': Virtual PCD 00 00, Virtual PCD 00 01; set a longer `match`",
        ),
    ],
)
def test_the_reader_is_the_one_that_the_settings_mean_or_none(match: str, state: str, what: str) -> None:
    with readers.pcsc_bench(match) as bench:
        assert (bench.states, bench.said) == ([state], what)


def test_two_gates_readers_work_side_by_side(bench: Bench) -> None:
    with readers.pcsc_bench("00 01") as other:
        bench.show(card_of("11111111"))
        slot = session_pcscd().slot(1)
        slot.insert(card_of("22222222"))
        wait_for("the other card", lambda: other.shown)
        slot.remove()
        slot.wait_empty()
        numbers = [reading.result.card.number for reading in (*bench.shown, *other.shown)
                   if isinstance(reading.result, CardContents)]  # fmt: skip
    assert numbers == ["11111111", "22222222"]


def test_a_command_to_a_card_that_left_ends_the_showing(bench: Bench) -> None:
    """Pulled in the middle of the plan, then shown again: two showings, the second whole."""
    assert isinstance(bench.show(card_of(), leaves_after=2).result, Unreadable)
    bench.hand.remove()
    assert isinstance(bench.show(card_of()).result, CardContents)
    assert len(bench.shown) == 2


def test_p11_taps_and_nothing_grows(bench: Bench) -> None:
    """`make soak` does the same for longer."""
    taps = int(os.environ.get("PORTVAKT_TAPS", "6"))
    cards = [card_of("12345678"), card_of("87654321", bytes.fromhex("04112233445566"))]
    bench.show(cards[0])
    bench.hand.remove()
    files, threads = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    for tap in range(1, taps):
        assert isinstance(bench.show(cards[tap % 2]).result, CardContents)
        bench.hand.remove()
        del bench.inputs[:-2]
    assert (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) == (files, threads)
