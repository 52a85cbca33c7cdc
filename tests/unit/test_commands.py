"""The hub's commands: each once, for this gate, not late, and answered (P8)."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gate.model import Direction, EventKind
from gate.ports import ModeAsked, Noted, PassAsked
from gate.turnstile import Mode
from gate.uplink.commands import CLOCKS_APART_MS, CommandFollower, HubTime
from gate.uplink.contract import OPEN, Command, PermitsHead, Publish, Status, Topics
from gate.uplink.session import Identity, Session
from gate.uplink.signing import Signer, Verifier
from hub.asking import LINK_MS, ask, lines
from hub.commands import REPEAT_MS, VALID_MS, Commands
from hub.errors import HubError
from hub.gates_cli import ACTIONS
from hub.health import follow
from hub.records import Answer, Asked, GivenCommand
from hub.store import HubStore

NOW_MS = 1_781_500_000_000
KEY, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
TOPICS = Topics("yard")


def command(number: int = 1, action: str = "locked", **more: object) -> Command:
    fields = {"gate": "north", "by": "ada", "issued_ms": NOW_MS, "expires_ms": NOW_MS + VALID_MS} | more
    return Command(number=number, action=action, **fields)  # type: ignore[arg-type]


# --- the gate -----------------------------------------------------------------------------------------


def test_a_mode_and_a_body_let_through() -> None:
    follower = CommandFollower("north", 0)
    assert follower.take(command(1), NOW_MS) == [ModeAsked(None, Mode.LOCKED, "ada", 1)]
    assert follower.take(command(2, lane="main"), NOW_MS) == [ModeAsked("main", Mode.LOCKED, "ada", 2)]
    let_in = command(3, OPEN, lane="main", direction="entry")
    assert follower.take(let_in, NOW_MS) == [PassAsked("main", Direction.ENTRY, "ada", 3)]


@given(st.lists(st.integers(1, 8)), st.integers(0, 4))
def test_each_number_is_taken_once_and_none_below_the_last(numbers: list[int], last: int) -> None:
    follower = CommandFollower("north", last)
    taken = [number for number in numbers if follower.take(command(number), NOW_MS)]
    assert taken == sorted(set(taken))
    assert all(number > last for number in taken)
    assert max([last, *taken]) == max([last, *numbers])


def test_another_gates_command_is_none_of_ours() -> None:
    follower = CommandFollower("north", 0)
    assert follower.take(command(5, gate="south"), NOW_MS) == []
    assert follower.take(command(1), NOW_MS)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (command(1, "dance"), "does not know 'dance'"),
        (command(1, OPEN), "no lane and no way"),
        (command(1, OPEN, lane="main", direction="up"), "no lane and no way"),
        (command(1, expires_ms=NOW_MS - 4_500), "4 s too late"),
    ],
)
def test_what_cannot_be_done_is_answered_with_why(wrong: Command, why: str) -> None:
    (refused,) = CommandFollower("north", 0).take(wrong, NOW_MS)
    assert isinstance(refused, Noted)
    assert (refused.kind, refused.command) == (EventKind.COMMAND_REFUSED, 1)
    assert why in str(refused.detail["what"])


def test_the_hubs_time_goes_on_and_never_back() -> None:
    time = HubTime()
    assert (time.known, time.at(5)) == (False, 0)
    time.heard(NOW_MS, 1_000)
    assert time.at(3_000) == NOW_MS + 2_000
    time.heard(NOW_MS - 60_000, 3_000)
    assert time.at(3_000) == NOW_MS + 2_000
    time.heard(NOW_MS + 9_000, 4_000)
    assert time.at(5_000) == NOW_MS + 10_000


def session(commanded: int = 0) -> Session:
    verifier = Verifier("yard", KEY.public_key())
    made = Session(Identity("yard", "north", "a" * 16), verifier, settled=0, head=0, held=None, commanded=commanded)
    made.connected(0)
    return made


def say(one: Session, said: Command, now_ms: int, key: Ed25519PrivateKey = KEY) -> list[object]:
    return list(one.message(TOPICS.command("north"), Signer("yard", key).seal(said), now_ms))


def tell_time(one: Session, hub_ms: int, now_ms: int) -> None:
    head = PermitsHead(1, 0, "0" * 64, hub_ms, hub_ms + 10**9)
    one.message(TOPICS.head, Signer("yard", KEY).seal(head), now_ms)


def test_p8_a_command_kept_back_and_said_after_a_restart_is_refused() -> None:
    """The gate was away when it was given; the hub's time tells, or its own clock, where that is trusted."""
    late = command(7)
    one = session()
    tell_time(one, NOW_MS + VALID_MS + 1_000, 50)
    (refused,) = say(one, late, 60)
    assert isinstance(refused, Noted)
    other = session()
    other.clock(NOW_MS + VALID_MS + CLOCKS_APART_MS + 1_000, 50)
    (refused,) = say(other, late, 60)
    assert isinstance(refused, Noted)


def test_a_hub_whose_clock_was_ahead_and_was_put_right_is_obeyed_again() -> None:
    """And a command that somebody kept back meanwhile is as late as ever."""
    one = session()
    one.clock(NOW_MS, 50)
    tell_time(one, NOW_MS + 7_200_000, 60)
    (refused,) = say(one, command(7, issued_ms=NOW_MS - 90_000, expires_ms=NOW_MS - 60_000), 70)
    assert isinstance(refused, Noted)
    one.clock(NOW_MS + 60_000, 60_050)
    assert say(one, command(8, issued_ms=NOW_MS + 60_020, expires_ms=NOW_MS + 70_000), 60_070) == [
        ModeAsked(None, Mode.LOCKED, "ada", 8)
    ]
    (refused,) = say(one, command(9, issued_ms=NOW_MS, expires_ms=NOW_MS + 30_000), 70_080)
    assert isinstance(refused, Noted)


def test_a_gate_without_a_trusted_clock_never_lets_the_hubs_time_go_back() -> None:
    one = session()
    tell_time(one, NOW_MS + 7_200_000, 60)
    (refused,) = say(one, command(8), 70)
    assert isinstance(refused, Noted)


def test_p10_a_gate_without_a_clock_takes_what_the_hub_says_now() -> None:
    one = session()
    assert say(one, command(7), 40) == []
    tell_time(one, NOW_MS, 50)
    assert say(one, command(7), 60) == [ModeAsked(None, Mode.LOCKED, "ada", 7)]
    assert say(one, command(7), 70) == []


def test_p8_only_the_hub_gives_commands() -> None:
    one = session()
    tell_time(one, NOW_MS, 50)
    (alarm,) = say(one, command(7), 60, STRANGER)
    assert isinstance(alarm, Noted)
    assert "not signed by this site's hub" in str(alarm.detail["what"])
    assert one.refused == 1
    assert say(one, command(7), 70)


def test_what_the_journal_knows_of_is_not_done_again() -> None:
    one = session(commanded=7)
    tell_time(one, NOW_MS, 50)
    assert say(one, command(7), 60) == []
    assert say(one, command(8), 60)


# --- the hub ------------------------------------------------------------------------------------------


class Store:
    def __init__(self) -> None:
        self.given: list[GivenCommand] = []
        self.answered: dict[int, Answer] = {}

    def give(self, number: int, issued_ms: int = NOW_MS) -> None:
        asked = Asked("north", "locked", None, None, "ada")
        self.given.append(GivenCommand(number, asked, issued_ms, issued_ms + VALID_MS))

    def commands_valid(self, now_ms: int) -> list[GivenCommand]:
        return [one for one in self.given if one.expires_ms >= now_ms][::-1]

    def answers(self, commands: Sequence[GivenCommand]) -> dict[int, Answer]:
        return {one.number: self.answered[one.number] for one in commands if one.number in self.answered}


def said(messages: list[Publish]) -> list[int]:
    opened = [Verifier("yard", KEY.public_key()).open(Command, message.payload) for message in messages]
    assert all(message.topic == TOPICS.command(one.gate) for message, one in zip(messages, opened, strict=True))
    assert not any(message.retain for message in messages)
    return [one.number for one in opened]


def test_a_command_is_said_each_second_until_it_is_answered_or_no_longer_valid() -> None:
    store = Store()
    commands = Commands("yard", store, Signer("yard", KEY))
    assert commands.due(NOW_MS) == []
    store.give(1)
    store.give(2)
    assert said(commands.due(NOW_MS)) == [1, 2]
    assert commands.due(NOW_MS + REPEAT_MS - 1) == []
    store.answered[1] = Answer(True, "", NOW_MS)
    assert said(commands.due(NOW_MS + REPEAT_MS)) == [2]
    assert said(commands.due(NOW_MS + VALID_MS)) == [2]
    assert commands.due(NOW_MS + VALID_MS + REPEAT_MS) == []


def test_a_hub_that_was_away_says_what_is_still_valid_and_nothing_else() -> None:
    store = Store()
    store.give(1, NOW_MS - VALID_MS - 1)
    store.give(2)
    assert said(Commands("yard", store, Signer("yard", KEY)).due(NOW_MS)) == [2]


def test_what_came_of_it() -> None:
    store = Store()
    store.give(1)
    (given,) = store.given
    (line,) = lines([given], {}, NOW_MS + VALID_MS)
    assert (line.outcome, line.answered_ms) == ("waiting", None)
    (line,) = lines([given], {}, NOW_MS + VALID_MS + LINK_MS + 1)
    assert line.outcome == "unanswered"
    (line,) = lines([given], {1: Answer(False, "evacuated", NOW_MS + 5)}, NOW_MS)
    assert (line.outcome, line.what) == ("refused", "evacuated")
    assert replace(line, outcome="done", what="") == lines([given], {1: Answer(True, "", NOW_MS + 5)}, NOW_MS)[0]


@pytest.mark.parametrize("asked", [{"by": "130972 48022"}, {"by": "ada", "why": "forgot it, is 13097248022"}])
def test_p12_an_identity_number_is_no_reason(tmp_path: Path, asked: dict[str, str]) -> None:
    with contextlib.closing(HubStore(tmp_path / "hub.sqlite3")) as store:
        store.put_gate_health([follow(None, Status("north", "a", online=True), NOW_MS)])
        with pytest.raises(HubError, match="holds eleven digits"):
            ask(store, Asked("north", "locked", None, None, **asked))
        assert store.commands(10) == []


def test_every_word_of_the_command_line_is_one_that_gates_know() -> None:
    assert set(ACTIONS.values()) == {OPEN, *Mode}
