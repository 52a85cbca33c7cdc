"""Couriers over both databases: order, retries, what is set aside, restart, backfill, the daily look."""

from collections.abc import Generator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, update

from gate.uplink.signing import Signer
from hub.central.delivery import State
from hub.central.ledger import Ledger
from hub.central.looking_back import Progress, Reconciliation, backfill
from hub.central.overview import aside_lines, target_lines
from hub.central.target import (
    Accepted,
    Draft,
    Facts,
    Item,
    Later,
    Outcome,
    Pace,
    Queued,
    Refused,
    Stopped,
    Unfit,
)
from hub.central.words import retry_all
from hub.config import TargetSettings
from hub.errors import OfficeError, StoreError
from hub.ingest import Ingest
from hub.office import check_out
from hub.presence import ENTRY, EXIT, CardKey, HandMark
from hub.store import HubStore, schema
from tests.sim.records import START_MS, RecordBook
from tests.sim.targets import ScriptedTarget, courier_to

KEY = Ed25519PrivateKey.generate()
DAY_MS = 86_400_000


class Site:
    """A store with gates that tell, and one target with its courier."""

    def __init__(self, store: HubStore, target: ScriptedTarget | None = None) -> None:
        self.store = store
        self.target = target or ScriptedTarget()
        self.ledger = Ledger(store, "yard", "client")
        self.ingest = Ingest("yard", store, Signer("yard", KEY))
        self.courier = courier_to(store, self.target)
        self.now_ms = START_MS
        self.ledger.enter("scripted", 0, self.now_ms)

    def tell(self, book: RecordBook, *seqs: int) -> None:
        self.ingest.take([book.message(*seqs)], self.now_ms)

    def run(self, for_ms: int = 0) -> None:
        """Turn until nothing is left to do for so long."""
        until_ms = self.now_ms + for_ms
        while self.now_ms <= until_ms:
            self.now_ms += min(self.courier.turn(self.now_ms), max(1, until_ms - self.now_ms))

    def backfill(self, since_ms: int) -> Generator[Progress, None, None]:
        return backfill(self.ledger, self.target, since_ms, lambda: self.now_ms, clock_wait_ms=60_000)

    def states(self) -> dict[str, str]:
        table = schema.deliveries
        with self.store.reading() as connection:
            rows = connection.execute(select(table.c.id, table.c.state).where(table.c.target == "client"))
            return {row.id: row.state for row in rows}


def a_day(*cards: str) -> RecordBook:
    book = RecordBook()
    for number, card in enumerate(cards):
        book.passage(card, ENTRY, START_MS + number * 1000)
    for number, card in enumerate(cards):
        book.passage(card, EXIT, START_MS + 600_000 + number * 1000)
    return book


@pytest.fixture
def site(store: HubStore) -> Site:
    return Site(store)


def test_p3_each_passage_is_told_once_under_its_own_id(site: Site) -> None:
    book = a_day("1001", "1002")
    site.tell(book)
    site.tell(book)
    site.run(5_000)
    assert len(site.target.got) == len(set(site.target.got)) == 4
    assert set(site.states().values()) == {State.ACCEPTED}


def test_what_happened_before_the_target_was_known_is_not_its_business(store: HubStore) -> None:
    site = Site.__new__(Site)
    site.store, site.target, site.now_ms = store, ScriptedTarget(), START_MS
    site.ingest = Ingest("yard", store, Signer("yard", KEY))
    site.ledger, site.courier = Ledger(store, "yard", "client"), courier_to(store, site.target)
    book = a_day("1001")
    site.tell(book, 1)
    site.ledger.enter("scripted", None, START_MS)
    site.tell(book, 2)
    site.run(2_000)
    assert [body.split()[1] for body in site.target.bodies.values()] == [b"exit"]


def test_a_refused_record_goes_aside_and_holds_back_nobody(site: Site) -> None:
    site.target.script.append(Refused("Missing required field Kortnr", "Kortnr"))
    site.tell(a_day("1001", "1002"))
    site.run(5_000)
    assert sorted(site.states().values()) == [State.ACCEPTED] * 3 + [State.ASIDE]
    with site.store.reading() as connection:
        row = connection.execute(select(schema.deliveries).where(schema.deliveries.c.state == State.ASIDE)).one()
    assert (row.words, row.field, row.attempts) == ("Missing required field Kortnr", "Kortnr", 1)


def test_p9_no_word_of_a_receiver_stops_its_target(site: Site) -> None:
    """PostgreSQL keeps no text with a zero in it, and no database half a character."""
    site.target.script += [
        Refused("no\0\ud800", "Kort\0nr"),
        Queued("q\0\udfff", "in\0"),
        Later("\0"),
        Accepted("id\0", "\ud800"),
    ]
    site.target.asked.append(Accepted("id\ud800", "\0"))
    site.tell(a_day("1001", "1002"))
    site.run(20_000)
    assert sorted(site.states().values()) == [State.ACCEPTED] * 3 + [State.ASIDE]
    with site.store.reading() as connection:
        rows = connection.execute(select(schema.deliveries)).all()
    assert {(row.words, row.field) for row in rows if row.state == State.ASIDE} == {("no��", "Kort�nr")}
    assert {row.receiver_id for row in rows} == {None, "id�"}


def test_things_of_one_card_go_in_their_order_whatever_the_answers(site: Site) -> None:
    site.target.pace = Pace(connections=4, batch=4)
    site.target.script.extend([Later("503"), Refused("no"), Later("timeout"), Later("timeout")])
    site.tell(a_day("1001", "1002", "1003", "1004"))
    site.run(60_000)
    assert set(site.states().values()) <= {State.ACCEPTED, State.ASIDE}
    for card in (b"1001", b"1002", b"1003", b"1004"):
        ways = [body.split()[1] for body in site.target.bodies.values() if body.startswith(card)]
        assert ways in ([b"entry", b"exit"], [b"exit"])


def test_a_receiver_that_is_down_is_asked_with_one_record_and_less_and_less_often(site: Site) -> None:
    site.target.pace = Pace(connections=1, batch=50)
    site.target.script.extend([Later("refused")] * 60)
    site.tell(a_day(*(str(2000 + number) for number in range(30))))
    site.run(30_000)
    first, *rest = site.target.requests
    assert first == 30
    assert set(rest[:5]) == {1}
    assert len(rest) < 15


def test_a_receiver_that_asks_to_wait_is_left_alone_so_long(site: Site) -> None:
    site.target.script.append(Later("429", after_ms=20_000))
    site.tell(a_day("1001"))
    site.run(19_000)
    assert len(site.target.requests) == 1
    site.run(5_000)
    assert set(site.states().values()) == {State.ACCEPTED}


def test_a_wrong_password_stops_the_target_until_somebody_wakes_it(site: Site) -> None:
    site.target.script.append(Stopped("401 Login failed"))
    site.tell(a_day("1001"))
    site.run(600_000)
    assert len(site.target.requests) == 1
    assert site.ledger.receiver().stopped == "401 Login failed"
    site.ledger.enter("scripted", None, site.now_ms)
    site.run(5_000)
    assert set(site.states().values()) == {State.ACCEPTED}


def test_a_record_at_which_the_receiver_always_fails_goes_aside_while_others_go_through(site: Site) -> None:
    book = a_day("1001", "1002", "1003")
    bad = "1002"

    def fails_at_one(draft: Draft) -> Outcome:
        return Later("500 oops") if draft.item.card == CardKey("hms", bad) else Accepted()

    site.target.script.extend([fails_at_one] * 100)
    site.tell(book)
    site.run(60_000)
    # Nobody else has anything to tell any more: whether the receiver is ill or the record cannot be known.
    assert sorted(site.states().values()).count(State.WAITING) == 1
    book.passage("1003", ENTRY, START_MS + 700_000)
    site.tell(book, 7)
    site.run(600_000)
    assert sorted(site.states().values()).count(State.ASIDE) == 2
    assert sorted(site.states().values()).count(State.ACCEPTED) == 5


def test_queued_is_not_done(site: Site) -> None:
    site.target.script.append(Queued("item-7"))
    site.target.asked.extend([Queued("item-7"), Refused("unknown card", "cardNumber")])
    site.tell(a_day("1001"), 1)
    site.run(1_000)
    assert set(site.states().values()) == {State.QUEUED}
    while len(site.target.asked) > 1:
        site.run(1_000)
    assert set(site.states().values()) == {State.QUEUED}
    site.run(60_000)
    assert set(site.states().values()) == {State.ASIDE}


def test_what_a_receiver_has_forgotten_in_its_queue_holds_back_its_card_for_a_day_at_most(site: Site) -> None:
    site.target.script.append(Queued("item-7"))
    site.target.asked.extend([Queued("item-7", "not in the queue")] * 1_000)
    site.tell(a_day("1001"))
    site.run(10_000)
    site.now_ms += DAY_MS - 60_000
    site.run(10_000)
    assert sorted(site.states().values()) == [State.QUEUED, State.WAITING]
    site.now_ms += 700_000
    site.run(10_000)
    assert sorted(site.states().values()) == [State.ACCEPTED, State.ASIDE]
    (line,) = aside_lines(site.store, "client")
    assert line.words == "in the receiver's own queue for more than a day; last: not in the queue"
    retry_all(site.store, "client", "foreman", site.now_ms)
    site.run(5_000)
    assert set(site.states().values()) == {State.ACCEPTED}


def test_p3_after_a_crash_between_answer_and_commit_the_same_key_is_sent(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.tell(a_day("1001"), 1)

    def away(*_: object) -> None:
        raise StoreError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "settle", away)
        with pytest.raises(StoreError):
            site.run(1_000)
    site.courier = courier_to(site.store, site.target)
    site.run(2_000)
    assert len(site.target.got) == 2
    assert len(set(site.target.got)) == 1


def test_an_answer_that_could_not_be_written_down_is_written_later(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.tell(a_day("1001"), 1)
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "settle", lambda *_: (_ for _ in ()).throw(StoreError("locked")))
        with pytest.raises(StoreError):
            site.run(1_000)
    site.run(2_000)
    assert len(site.target.got) == 1
    assert set(site.states().values()) == {State.ACCEPTED}


def test_p10_what_an_unset_clock_has_seen_waits_for_the_right_time(site: Site) -> None:
    book = RecordBook()
    book.passage("1001", ENTRY, START_MS - 30 * DAY_MS, trusted=False)
    site.tell(book)
    site.run(30_000)
    assert site.target.got == []
    boot = {"boot": "boot", "offset_ms": START_MS + 30 * DAY_MS}
    book.add("clock.trusted", at_ms=START_MS + 40_000, detail=boot)
    site.tell(book, 2)
    site.run(60_000)
    (body,) = site.target.bodies.values()
    assert body.split()[2] == str(START_MS).encode()


def test_words_of_the_office_are_told_as_well(site: Site) -> None:
    site.tell(a_day("1001"), 1)
    mark = HandMark(CardKey("hms", "1001"), EXIT, START_MS + 5_000, "foreman", "forgot", START_MS + 6_000)
    check_out(site.store, mark, None)
    site.run(5_000)
    assert [body.split()[1] for body in site.target.bodies.values()] == [b"entry", b"exit"]


def test_a_target_that_came_late_is_told_from_a_day_on_and_nothing_twice(site: Site) -> None:
    old = RecordBook("south", epoch="00000000000000bb")
    for day in range(10):
        old.passage("1001", ENTRY, START_MS - (10 - day) * DAY_MS)
        old.passage("1001", EXIT, START_MS - (10 - day) * DAY_MS + 1_000)
    with site.store.taking_in() as connection:
        connection.execute(update(schema.targets).values(since_ms=START_MS))
    site.tell(old)
    site.tell(a_day("1001"))
    site.run(5_000)
    assert len(site.target.got) == 2
    since_ms = START_MS - 5 * DAY_MS
    walk = site.backfill(since_ms)
    next(walk)
    next(walk)
    walk.close()
    *_, last = site.backfill(since_ms)
    site.run(5_000)
    assert last.done == last.total
    assert len(site.target.got) == len(set(site.target.got)) == 12


def test_a_backfill_of_an_unknown_target_says_what_to_do(store: HubStore) -> None:
    with pytest.raises(OfficeError, match="hub run"):
        next(backfill(Ledger(store, "yard", "nobody"), ScriptedTarget(), 0, lambda: 0, clock_wait_ms=0))


def test_the_daily_look_finds_what_was_left_out(site: Site) -> None:
    site.tell(a_day("1001", "1002"))
    site.run(5_000)
    with site.store.taking_in() as connection:
        lost = site.target.got[1]
        connection.execute(schema.deliveries.delete().where(schema.deliveries.c.id == lost))
    look = Reconciliation("client", site.target, site.ledger, clock_wait_ms=60_000)
    site.now_ms += 700_000
    for _ in range(10):
        look.turn(site.now_ms)
    with site.store.reading() as connection:
        row = connection.execute(select(schema.reconciliations)).one()
    assert (row.expected, row.accepted, row.missing) == (4, 3, 1)
    site.run(2_000)
    assert site.target.got.count(lost) == 2
    look.turn(site.now_ms + 1)
    with site.store.reading() as connection:
        assert len(connection.execute(select(schema.reconciliations)).all()) == 1


def test_p10_the_daily_look_goes_on_when_the_clock_is_put_back(site: Site) -> None:
    look = Reconciliation("client", site.target, site.ledger, clock_wait_ms=0)

    def looked() -> int:
        for _ in range(10):
            look.turn(site.now_ms)
        with site.store.reading() as connection:
            return len(connection.execute(select(schema.reconciliations)).all())

    assert looked() == 1
    site.now_ms -= 30 * 86_400_000
    assert (looked(), looked()) == (2, 2)
    look = Reconciliation("client", site.target, site.ledger, clock_wait_ms=0)
    assert looked() == 2
    site.now_ms += 86_400_000
    assert looked() == 3


def test_what_a_target_cannot_read_holds_back_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    items = ScriptedTarget.items
    seen: list[str] = []

    def choosy(self: ScriptedTarget, told: object) -> object:
        seen.append(told.id)  # type: ignore[attr-defined]
        if len(seen) == 1:
            raise ValueError("a fault in the target")
        return items(self, told)  # type: ignore[arg-type]

    monkeypatch.setattr(ScriptedTarget, "items", choosy)
    site.tell(a_day("1001", "1002"))
    site.run(5_000)
    assert len(site.target.got) == 3


def test_no_more_than_so_many_a_second(site: Site) -> None:
    site.target.pace = Pace(connections=1, batch=50, per_second=2)
    site.courier = courier_to(site.store, site.target)
    site.tell(a_day(*(str(2000 + number) for number in range(20))))
    site.run(5_000)
    assert 8 <= len(site.target.got) <= 13


def test_what_an_unset_clock_has_seen_goes_in_its_right_order_once_the_gate_has_said_the_time(site: Site) -> None:
    site.target.script.append(Later("503", after_ms=600_000))
    south = RecordBook("south", epoch="00000000000000bb")
    south.passage("1001", ENTRY, START_MS)
    site.tell(south)
    site.run(1_000)
    book = RecordBook()
    book.passage("1001", EXIT, START_MS - 30 * DAY_MS, trusted=False)
    site.tell(book)
    site.run(5_000)
    book.add("clock.trusted", at_ms=START_MS + 10_000, detail={"boot": "boot", "offset_ms": START_MS + 31 * DAY_MS})
    site.tell(book, 2)
    site.run(700_000)
    assert [body.split()[1] for body in site.target.bodies.values()] == [b"entry", b"exit"]


def test_p2_what_an_unset_clock_has_seen_is_told_whatever_day_it_shows(site: Site) -> None:
    with site.store.taking_in() as connection:
        connection.execute(update(schema.targets).values(since_ms=START_MS - DAY_MS))
    book = RecordBook()
    book.passage("1001", ENTRY, START_MS - 9_000 * DAY_MS, trusted=False)
    site.tell(book)
    site.run(120_000)
    assert set(site.states().values()) == {State.ACCEPTED}


def test_a_store_that_fails_while_something_is_set_aside_keeps_nothing_from_being_sent(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.target.pace = Pace(batch=10)
    draft = ScriptedTarget.draft

    def unfit(self: ScriptedTarget, item: Item, facts: Facts) -> bytes | None:
        if item.card == CardKey("hms", "1002"):
            raise Unfit("no organisation number", "orgnr")
        return draft(self, item, facts)

    monkeypatch.setattr(ScriptedTarget, "draft", unfit)
    site.tell(a_day("1001", "1002"), 1, 2)
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "settle", lambda *_: (_ for _ in ()).throw(StoreError("locked")))
        with pytest.raises(StoreError):
            site.run(1_000)
    site.run(5_000)
    assert sorted(site.states().values()) == [State.ACCEPTED, State.ASIDE]


def test_p2_what_a_queue_has_refused_is_sent_when_all_that_was_aside_is_tried_again(site: Site) -> None:
    """The words were said, and were never accepted. And what is tried again has not waited since yesterday."""
    site.target.script.append(Queued("q1"))
    site.target.asked.append(Refused("card is not on the project"))
    site.tell(a_day("1001"), 1)
    site.run(10_000)
    assert set(site.states().values()) == {State.ASIDE}
    site.now_ms += DAY_MS
    assert retry_all(site.store, "client", "foreman", site.now_ms) == 1
    (line,) = target_lines(site.store, [TargetSettings(name="client", kind="scripted")], site.now_ms + 60_000)
    assert (line.waiting, line.late) == (1, False)
    site.run(5_000)
    assert set(site.states().values()) == {State.ACCEPTED}
    assert len(site.target.got) == 2
    assert set(site.target.bodies) == set(site.target.got)


def test_a_daily_look_that_was_interrupted_tells_of_all_that_was_missing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.central.ledger.READ_AT_ONCE", 1)
    site.tell(a_day("1001", "1002"))
    site.run(5_000)
    with site.store.taking_in() as connection:
        connection.execute(schema.deliveries.delete().where(schema.deliveries.c.id == site.target.got[0]))
    site.now_ms += 700_000
    for turns in (3, 10):
        look = Reconciliation("client", site.target, site.ledger, clock_wait_ms=60_000)
        for _ in range(turns):
            look.turn(site.now_ms)
    with site.store.reading() as connection:
        assert connection.execute(select(schema.reconciliations)).one().missing == 1
    assert State.WAITING in site.states().values()


def test_p10_the_daily_look_finds_what_an_unset_clock_has_seen(site: Site) -> None:
    with site.store.taking_in() as connection:
        connection.execute(update(schema.targets).values(since_ms=START_MS - DAY_MS))
    book = RecordBook()
    book.passage("1001", ENTRY, START_MS - 9_000 * DAY_MS, trusted=False)
    site.tell(book)
    site.run(120_000)
    with site.store.taking_in() as connection:
        connection.execute(schema.deliveries.delete())
    look = Reconciliation("client", site.target, site.ledger, clock_wait_ms=60_000)
    for _ in range(5):
        look.turn(site.now_ms)
    with site.store.reading() as connection:
        row = connection.execute(select(schema.reconciliations)).one()
    assert (row.expected, row.missing) == (1, 1)


def test_p10_a_backfill_keeps_back_what_an_unset_clock_has_seen_as_live_telling_does(site: Site) -> None:
    with site.store.taking_in() as connection:
        connection.execute(update(schema.targets).values(since_ms=START_MS + DAY_MS))
    book = RecordBook()
    book.passage("1001", ENTRY, START_MS - 30 * DAY_MS, trusted=False)
    site.tell(book)
    site.run(1_000)
    list(site.backfill(START_MS - DAY_MS))
    site.run(30_000)
    assert site.target.got == []
    site.run(60_000)
    assert len(site.target.got) == 1


def test_p2_a_backfill_that_begins_while_news_are_read_loses_none_of_them(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They happened before the target's day, so they are no news for it; and the backfill has not seen them."""
    with site.store.taking_in() as connection:
        connection.execute(update(schema.targets).values(since_ms=START_MS + DAY_MS))
    site.tell(a_day("1001", "1002"))
    plan = Ledger.plan
    begun: list[Progress] = []

    def meanwhile(self: Ledger, *planned: Any) -> None:
        if not begun:
            begun.extend(site.backfill(START_MS - DAY_MS))
        plan(self, *planned)

    monkeypatch.setattr(Ledger, "plan", meanwhile)
    site.run(5_000)
    assert begun[-1].queued == 0
    assert len(site.target.got) == 4
