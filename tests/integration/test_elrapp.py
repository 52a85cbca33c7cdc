"""ELRAPP over real HTTP: batches, what is refused, what is confirmed, corrections; and whole days through a courier."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from gate.uplink.signing import Signer
from hub.central.courier import IDLE_MS, Courier
from hub.central.delivery import State
from hub.central.happening import Happening
from hub.central.ledger import Ledger
from hub.central.receivers.elrapp import Elrapp
from hub.central.receivers.elrapp_fields import item_id, told_in
from hub.central.registry import TargetPlace
from hub.central.sending import AtOnce
from hub.central.target import Accepted, Draft, Facts, Item, Later, Outcome, Refused, Stopped
from hub.ingest import Ingest
from hub.office import check_out
from hub.presence import ENTRY, EXIT, CardKey, HandMark, Sighting
from hub.records import CrewMember
from hub.stays import day_begins_ms
from hub.store import HubStore, schema
from hub.store.people import write_members
from portvakt.doubles.elrapp import API_KEY, CONTRACT, ElrappDouble
from portvakt.doubles.serving import BROKEN, HTML, Fault, Reply
from portvakt.errors import SettingsError
from tests.sim.records import START_MS, RecordBook
from tests.sim.targets import RULES
from tests.unit.test_central_elrapp_fields import DAY, FORGOTTEN, SHIFT, WORKER
from tests.unit.test_hub_presence import RULE, oslo

OSLO = ZoneInfo("Europe/Oslo")
KEY = Ed25519PrivateKey.generate()
HOUR_MS = 3_600_000
FIRST, SECOND, THIRD = (CardKey("hms", number) for number in ("5310027", "5310035", "5310043"))


class Seen:
    """What is known here, for drafts without a database: everybody was seen alike."""

    def __init__(self, seen: Sequence[Sighting] = SHIFT, holder: CrewMember | None = WORKER) -> None:
        self.seen = seen
        self._holder = holder

    def happening(self, happening: str) -> Happening | None:
        return None

    def holder(self, card: CardKey) -> CrewMember | None:
        return self._holder

    def sightings(self, card: CardKey, from_ms: int, until_ms: int) -> list[Sighting]:
        return [one._replace(card=card) for one in self.seen if from_ms <= one.time_ms <= until_ms]


class Counterpart:
    """The double behind HTTP."""

    def __init__(self, folder: Path) -> None:
        self.double = ElrappDouble()
        self.served = self.double.serving()
        self._folder = folder
        for name, secret in (("key", API_KEY), ("wrong", "guessed"), ("odd", "nøkkel")):
            (folder / name).write_text(f"{secret}\n")
            (folder / name).chmod(0o600)

    def target(self, **changed: Any) -> Elrapp:
        usual = {"base_url": self.served.url, "api_key_file": "key", "contract_id": CONTRACT, "timeout_s": 5.0}
        return Elrapp(TargetPlace("elrapp", "yard", usual | changed, self._folder / "hub.toml", OSLO, RULE))

    def posts(self) -> list[int]:
        """How many rows each request had."""
        return [len(json.loads(one.body)) for one in self.served.requests]


@pytest.fixture
def counterpart(tmp_path: Path) -> Iterator[Counterpart]:
    made = Counterpart(tmp_path)
    with made.served:
        yield made


def item(card: CardKey, day: date = DAY) -> Item:
    return Item(item_id(CONTRACT, card, day), "3f0e8f4e-91cf-5bcd-8a52-0f6a5a3f2b10", card, day_begins_ms(day, OSLO))


def draft(target: Elrapp, card: CardKey, facts: Facts | None = None, receiver_id: str | None = None) -> Draft:
    body = target.draft(item(card), facts or Seen())
    assert body is not None
    return Draft(item(card), body, receiver_id)


def receiver_id(outcome: Outcome) -> str:
    assert isinstance(outcome, Accepted)
    return outcome.receiver_id or ""


def test_several_cards_go_in_one_request_and_each_row_gets_its_id(counterpart: Counterpart) -> None:
    target = counterpart.target()
    outcomes = target.send([draft(target, card) for card in (FIRST, SECOND, THIRD)])
    target.close()
    assert counterpart.posts() == [6]
    assert [sorted(told_in(receiver_id(one)).values()) for one in outcomes] == [["1", "2"], ["3", "4"], ["5", "6"]]
    (request,) = counterpart.served.requests
    assert request.headers["authorization"] == f"ApiKey {API_KEY}"
    assert request.path == f"/oversiktsliste/v2/{CONTRACT}"
    assert [row["Kortnummer"] for row in counterpart.double.rows.values()] == [5310027, 5310027, 5310035, 5310035,
                                                                              5310043, 5310043]  # fmt: skip


@pytest.mark.parametrize("mode", ["inout", "dayhours", "day"])
def test_all_three_ways_are_taken(counterpart: Counterpart, mode: str) -> None:
    target = counterpart.target(mode=mode)
    for seen in (SHIFT, FORGOTTEN):
        (outcome,) = target.send([draft(target, FIRST, Seen(seen))])
        assert isinstance(outcome, Accepted)
    target.close()


def test_the_answer_that_is_no_json_is_read(counterpart: Counterpart) -> None:
    counterpart.double.printed_slip = True
    target = counterpart.target()
    outcomes = target.send([draft(target, FIRST), draft(target, SECOND)])
    target.close()
    assert [sorted(told_in(receiver_id(one)).values()) for one in outcomes] == [["1", "2"], ["3", "4"]]


def test_one_bad_row_holds_back_no_other(counterpart: Counterpart) -> None:
    counterpart.double.unknown_cards.add(int(SECOND.number))
    target = counterpart.target()
    outcomes = target.send([draft(target, card) for card in (FIRST, SECOND, THIRD)])
    target.close()
    assert [type(one) for one in outcomes] == [Accepted, Refused, Accepted]
    assert isinstance(outcomes[1], Refused)
    assert outcomes[1].field == "Kortnummer"
    assert counterpart.posts() == [6, 2, 2, 2]
    assert counterpart.double.repeated == 0


@pytest.mark.parametrize(("status", "kind"), [(503, Later), (401, Stopped)])
def test_looking_for_the_bad_row_ends_where_nobody_answers(counterpart: Counterpart, status: int, kind: type) -> None:
    counterpart.double.unknown_cards.add(int(THIRD.number))
    counterpart.served.misbehave(Fault(), Fault(), Fault(Reply(status, b"busy", "text/plain")))
    target = counterpart.target()
    outcomes = target.send([draft(target, card) for card in (FIRST, SECOND, THIRD)])
    target.close()
    assert [type(one) for one in outcomes] == [Accepted, kind, kind]
    assert counterpart.posts() == [6, 2, 2]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(HTML), Later),
        (Fault(BROKEN), Later),
        (Fault(Reply(404, b"Not Found", "text/plain")), Later),
        (Fault(Reply(200, b"")), Later),
        (Fault(cut_after=7), Later),
        (Fault(slow_s=30.0), Later),
    ],
    ids=["html", "broken", "404", "empty", "half", "slow"],
)
def test_what_nobody_can_tell_is_everybodys(counterpart: Counterpart, fault: Fault, kind: type) -> None:
    counterpart.served.misbehave(fault)
    target = counterpart.target(timeout_s=0.3)
    outcomes = target.send([draft(target, card) for card in (FIRST, SECOND)])
    target.close()
    assert [type(one) for one in outcomes] == [kind, kind]
    assert all(WORKER.last_name not in one.words and FIRST.number not in one.words for one in outcomes)


def test_a_wrong_key_stops(counterpart: Counterpart) -> None:
    target = counterpart.target(api_key_file="wrong")
    (stopped,) = target.send([draft(target, FIRST)])
    target.close()
    assert isinstance(stopped, Stopped)
    assert "guessed" not in stopped.words


def test_what_it_has_confirmed_of_a_draft_is_not_told_again(counterpart: Counterpart) -> None:
    counterpart.double.confirms_at_most = 1
    target = counterpart.target()
    (later,) = target.send([draft(target, FIRST)])
    assert later == Later("ELRAPP has not confirmed 1 of 2 rows")
    counterpart.double.confirms_at_most = None
    (taken,) = target.send([draft(target, FIRST)])
    target.close()
    assert counterpart.posts() == [2, 1]
    assert sorted(told_in(receiver_id(taken)).values()) == ["1", "3"]


def test_a_stay_that_is_known_later_is_told_alone(counterpart: Counterpart) -> None:
    target = counterpart.target()
    (first,) = target.send([draft(target, FIRST, Seen(SHIFT[:2]))])
    (both,) = target.send([draft(target, FIRST, Seen(SHIFT), receiver_id(first))])
    target.close()
    assert counterpart.posts() == [1, 1]
    assert sorted(told_in(receiver_id(both)).values()) == ["1", "2"]


def test_what_has_changed_is_a_persons_unless_the_site_wants_it_told_anew(counterpart: Counterpart) -> None:
    target = counterpart.target()
    (first,) = target.send([draft(target, FIRST, Seen(FORGOTTEN))])
    changed = draft(target, FIRST, Seen([SHIFT[0], SHIFT[3]]), receiver_id(first))
    (aside,) = target.send([changed])
    target.close()
    assert isinstance(aside, Refused)
    assert "told before as 1" in aside.words
    again = counterpart.target(correction="repost")
    (anew,) = again.send([changed])
    again.close()
    assert isinstance(anew, Accepted)
    assert anew.words == "in place of 1, which ELRAPP may still have"
    assert list(told_in(anew.receiver_id).values()) == ["2"]
    assert counterpart.posts() == [1, 1]


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"contract_id": 0}, "contract_id"),
        ({"api_key_file": "absent"}, "api_key_file"),
        ({"api_key_file": "odd"}, "Authorization"),
        ({"mode": "x"}, "mode"),
    ],
)
def test_settings_that_cannot_be_are_told_with_the_target_and_the_key(
    counterpart: Counterpart, changed: dict[str, object], complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint) as wrong:
        counterpart.target(**changed)
    assert "targets.elrapp.settings" in str(wrong.value)


# --- whole days through a courier -----------------------------------------------------------------


class Delivering:
    """A hub that took in a crew list, a gate that tells, and a courier to the double."""

    def __init__(self, store: HubStore, target: Elrapp) -> None:
        self.store = store
        self.target = target
        ledger = Ledger(store, "yard", "elrapp")
        self.courier = Courier("elrapp", target, ledger, AtOnce(target), RULES, clock_wait_ms=60_000)
        self.now_ms = oslo("2026-05-04T00:00")
        ledger.enter("elrapp", 0, self.now_ms)
        with store.writing() as connection:
            write_members(connection, [replace(WORKER, number=card.number) for card in (FIRST, SECOND)], None)

    def tell(self, book: RecordBook, *seqs: int) -> None:
        Ingest("yard", self.store, Signer("yard", KEY)).take([book.message(*seqs)], self.now_ms)

    def until(self, moment: str) -> None:
        """Let the courier turn until then; where nothing is to be done it may sleep half an hour."""
        until_ms = oslo(moment)
        while self.now_ms < until_ms:
            wait_ms = self.courier.turn(self.now_ms)
            self.now_ms = min(until_ms, self.now_ms + max(1, HOUR_MS // 2 if wait_ms == IDLE_MS else wait_ms))
        self.courier.turn(self.now_ms)

    def states(self, *states: State) -> list[Any]:
        table = schema.deliveries
        with self.store.reading() as connection:
            chosen = select(table).where(table.c.state.in_([one.value for one in states])).order_by(table.c.at_ms)
            return list(connection.execute(chosen))


def shifts(*moments: str, card: CardKey = FIRST, gate: str = "north") -> RecordBook:
    """In and out by turns."""
    book = RecordBook(gate)
    for place, moment in enumerate(moments):
        book.passage(card.number, ENTRY if place % 2 == 0 else EXIT, oslo(moment))
    return book


def told(double: ElrappDouble) -> list[tuple[object, object, object]]:
    return [(row["DatoInn"], row["DatoUt"], row["Dato"]) for row in double.rows.values()]


@pytest.fixture
def delivering(store: HubStore, counterpart: Counterpart) -> Iterator[Delivering]:
    made = Delivering(store, counterpart.target())
    yield made
    made.target.close()


def test_a_day_is_told_when_it_is_over_and_once(delivering: Delivering, counterpart: Counterpart) -> None:
    book = shifts("2026-05-04T07:00", "2026-05-04T15:00", "2026-05-05T07:00", "2026-05-05T15:30")
    delivering.until("2026-05-04T15:01")
    delivering.tell(book, 1, 2)
    delivering.until("2026-05-05T11:59")
    assert counterpart.double.rows == {}
    delivering.tell(book, 3)
    delivering.until("2026-05-05T15:31")
    assert told(counterpart.double) == [("2026-05-04T07:00:00", "2026-05-04T15:00:00", None)]
    delivering.tell(book, 4)
    delivering.until("2026-05-07T00:00")
    assert told(counterpart.double)[1:] == [("2026-05-05T07:00:00", "2026-05-05T15:30:00", None)]
    assert delivering.states(State.WAITING, State.QUEUED, State.ASIDE) == []


def test_a_night_is_told_with_both_its_ends(delivering: Delivering, counterpart: Counterpart) -> None:
    book = shifts("2026-05-04T22:00", "2026-05-05T06:00")
    delivering.until("2026-05-04T22:01")
    delivering.tell(book, 1)
    delivering.until("2026-05-05T06:01")
    delivering.tell(book, 2)
    delivering.until("2026-05-07T00:00")
    assert told(counterpart.double) == [("2026-05-04T22:00:00", "2026-05-05T06:00:00", None)]


def test_an_exit_that_comes_a_day_late_goes_to_a_person_with_what_was_told(
    delivering: Delivering, counterpart: Counterpart
) -> None:
    south = RecordBook("south", epoch="00000000000000bb")
    south.passage(FIRST.number, EXIT, oslo("2026-05-04T15:00"))
    delivering.tell(shifts("2026-05-04T07:00"))
    delivering.until("2026-05-06T09:00")
    assert told(counterpart.double) == [(None, None, "2026-05-04T00:00:00")]
    delivering.tell(south)
    delivering.until("2026-05-07T15:00")
    (aside,) = delivering.states(State.ASIDE)
    assert "told before as 1" in aside.words
    assert list(told_in(aside.receiver_id).values()) == ["1"]
    assert len(counterpart.double.rows) == 1


def test_a_day_on_which_nobody_was_here_after_all_goes_to_a_person(
    delivering: Delivering, counterpart: Counterpart
) -> None:
    """A clock that was wrong is put right: the passage was on another day than ELRAPP was told."""
    book = RecordBook()
    book.passage(FIRST.number, ENTRY, oslo("2026-05-04T07:00"), trusted=False)
    delivering.tell(book)
    delivering.until("2026-05-06T00:00")
    assert told(counterpart.double) == [(None, None, "2026-05-04T00:00:00")]
    a_day_later = {"boot": "boot", "offset_ms": START_MS + 24 * HOUR_MS}
    book.add("clock.trusted", at_ms=oslo("2026-05-05T08:00"), detail=a_day_later)
    book.passage(FIRST.number, EXIT, oslo("2026-05-05T15:00"))
    delivering.tell(book, 2, 3)
    delivering.until("2026-05-07T15:00")
    (aside,) = delivering.states(State.ASIDE)
    assert aside.at_ms == oslo("2026-05-04T00:00")
    assert "told before" in aside.words
    assert told(counterpart.double)[1:] == [("2026-05-05T07:00:00", "2026-05-05T15:00:00", None)]


def test_the_office_can_say_when_somebody_left_before_the_day_is_told(
    delivering: Delivering, counterpart: Counterpart
) -> None:
    delivering.tell(shifts("2026-05-04T07:00"))
    delivering.until("2026-05-05T08:00")
    mark = HandMark(FIRST, EXIT, oslo("2026-05-04T16:00"), "foreman", "forgot", delivering.now_ms)
    check_out(delivering.store, mark, None)
    delivering.until("2026-05-07T00:00")
    assert told(counterpart.double) == [("2026-05-04T07:00:00", "2026-05-04T16:00:00", None)]


def test_who_is_on_no_list_goes_aside_with_the_field_and_holds_back_nobody(
    delivering: Delivering, counterpart: Counterpart
) -> None:
    delivering.tell(shifts("2026-05-04T07:00", "2026-05-04T15:00", card=THIRD))
    south = RecordBook("south", epoch="00000000000000bb")
    south.passage(SECOND.number, ENTRY, oslo("2026-05-04T07:00"))
    south.passage(SECOND.number, EXIT, oslo("2026-05-04T14:00"))
    delivering.tell(south)
    delivering.until("2026-05-06T00:00")
    (aside,) = delivering.states(State.ASIDE)
    assert aside.field == "Etternavn"
    assert "crew list" in aside.words
    assert [row["Kortnummer"] for row in counterpart.double.rows.values()] == [int(SECOND.number)]


def test_p3_answers_that_are_lost_bring_the_same_day_again_under_the_same_key(
    delivering: Delivering, counterpart: Counterpart
) -> None:
    """ELRAPP has no key of ours: what it took without our hearing of it comes twice, and only that."""
    counterpart.served.misbehave(Fault(HTML), Fault(BROKEN, served=True), Fault(cut_after=9))
    delivering.tell(shifts("2026-05-04T07:00", "2026-05-04T15:00"))
    delivering.until("2026-05-06T00:00")
    assert len(set(told(counterpart.double))) == 1
    assert counterpart.double.repeated == 2
    assert delivering.states(State.WAITING, State.ASIDE) == []
