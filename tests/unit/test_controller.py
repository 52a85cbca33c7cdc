"""The thread that owns the lanes, over ports in memory: what it does, and in which order."""

import logging
from dataclasses import dataclass, field, replace
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.controller import Controller, Place, ReaderHealth
from gate.decide import Rules
from gate.errors import StoreError
from gate.lane_control import LaneParts
from gate.model import (
    CardContents,
    CardId,
    CardReading,
    Direction,
    Event,
    EventKind,
    ListState,
    Medium,
    Permit,
    ReaderState,
    Reason,
    Unreadable,
)
from gate.ports import CardShown, HolderRead, Noted, PassageSensed, ReaderChanged, SiteTold
from gate.rules import Action, Cover, Occupancy, Passback
from gate.site import Seen
from gate.uplink import contract, translate
from gate.zones import OUTSIDE, SITE
from tests.sim.ports import Log, MemoryDisk, MemoryJournal, MemoryLane, MemoryPermits, SetClock

NOW_MS = 1_781_500_000_000
WALK_MS = 7_000
DEADLINE_MS = 150
ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
INGRID, OLA, KARI, STRANGER = (CardId("hms", f"0123456{digit}") for digit in range(4))
GRANTED, COMPLETED = EventKind.BADGE_GRANTED, EventKind.PASSAGE_COMPLETED


def encode(event: Event, *, epoch: str, seq: int, prevhash: str) -> bytes:
    return translate.outgoing_record(event, site="site", gate="gate", epoch=epoch, seq=seq, prevhash=prevhash)


@dataclass
class Bench:
    """A gate with one lane and a reader on either side of it."""

    max_waiting: int = 100
    rules: Rules = field(default_factory=lambda: Rules(zone=ZoneInfo("Europe/Oslo")))
    log: Log = field(default_factory=list)
    behind_ms: int = 0
    zone: str = SITE

    def __post_init__(self) -> None:
        self.clock = SetClock(NOW_MS)
        self.disk = MemoryDisk("0123456789abcdef")
        self.journal = MemoryJournal(
            self.disk, encode, contract.record_hash, max_waiting=self.max_waiting, log=self.log
        )
        self.lane = MemoryLane("main", self.log)
        self.permits = MemoryPermits(
            {card: Permit(card, language="pl") for card in (INGRID, OLA, KARI)},
            ListState(1, 3, "d", NOW_MS, NOW_MS + 10**9),
        )
        self._badges = count(1)
        self.restart()
        self.log.clear()

    def restart(self) -> None:
        """Another process over the same disk."""
        self.log.clear()
        self.gate = Controller(
            lanes={"main": LaneParts(self.lane, WALK_MS, self.behind_ms, self.zone)},
            readers={"outside": Place("main", ENTRY), "inside": Place("main", EXIT)},
            permits=self.permits,
            journal=self.journal,
            clock=self.clock,
            rules=self.rules,
            deadline_ms=DEADLINE_MS,
            new_badge=lambda: f"badge-{next(self._badges)}",
        )
        self.gate.start("1.2.3")

    def badge(self, card: CardId | Unreadable, direction: Direction = ENTRY, uid: bytes = b"") -> None:
        result = card if isinstance(card, Unreadable) else CardContents(card, organisation_number="987654321")
        reader = "outside" if direction is ENTRY else "inside"
        self.gate.handle(CardShown(CardReading(reader, Medium.CHIP, result, uid)))

    def body(self, direction: Direction = ENTRY) -> None:
        self.gate.handle(PassageSensed("main", direction))

    def wait(self, by_ms: int) -> None:
        self.clock.advance(by_ms)
        self.gate.tick()

    def stall(self) -> None:
        self.disk.answers = False

    def heal(self) -> None:
        self.disk.answers = True

    @property
    def events(self) -> list[Event]:
        """What is on the disk, but for what every start writes."""
        return [
            event for event in self.disk.events if event.kind not in (EventKind.CLOCK_TRUSTED, EventKind.GATE_STARTED)
        ]

    @property
    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.events]

    def up(self) -> tuple[str, ...]:
        """The alarms that stand now."""
        return self.gate.health.alarms

    def trusted(self) -> bool:
        return self.gate.health.clock_trusted

    def alarms(self) -> list[str]:
        """Each alarm come (+) or gone (-), as recorded."""
        sign = {EventKind.ALARM_RAISED: "+", EventKind.ALARM_CLEARED: "-"}
        return [f"{sign[event.kind]}{event.detail['alarm']}" for event in self.events if event.kind in sign]


@pytest.fixture
def bench() -> Bench:
    return Bench()


# --- a badge and a passage ----------------------------------------------------------------------------


def test_p4_the_grant_is_on_the_disk_before_the_relay_moves(bench: Bench) -> None:
    bench.badge(INGRID)
    bench.body()
    assert bench.log == [
        "commit badge.granted",
        "release main entry",
        "show main entry granted",
        "secure main",
        "commit passage.completed",
    ]


def test_a_passage_carries_the_badge_that_it_was_granted_to(bench: Bench) -> None:
    bench.badge(INGRID)
    bench.body()
    granted, completed = bench.events
    assert granted == Event(
        GRANTED, bench.clock.now(), "main", ENTRY, INGRID, Medium.CHIP, Reason.GRANTED,
        employer="987654321", badge="badge-1",
    )  # fmt: skip
    assert completed == replace(granted, kind=COMPLETED, reason=None, zone="site")


def test_a_disk_that_came_back_ends_its_alarm_although_nobody_badges(bench: Bench) -> None:
    bench.stall()
    bench.badge(INGRID)
    bench.wait(WALK_MS)
    assert bench.up() == ("journal.late",)
    bench.heal()
    bench.journal.write()
    bench.wait(1_000)
    assert bench.up() == ()
    assert bench.alarms() == ["+journal.late", "-journal.late"]


# --- the whole site -----------------------------------------------------------------------------------

FULL = Rules(
    ZoneInfo("Europe/Oslo"), passback=Passback(Action.REFUSE), occupancy=(Occupancy(2, warn_at=2),),
    cover=(Cover("warden", action=Action.REFUSE),),
)  # fmt: skip


def told(bench: Bench, *cards: CardId, zone: str = SITE, groups: tuple[str, ...] = (), again_ms: int = 60_000) -> None:
    """The hub says where cards are, just now."""
    seen = Seen(bench.clock.now().wall_ms, zone, groups)
    bench.gate.handle(SiteTold([(card, seen) for card in cards], again_ms))


def reasons(bench: Bench) -> list[Reason | None]:
    return [event.reason for event in bench.events if event.kind in (GRANTED, EventKind.BADGE_REFUSED)]


def test_who_entered_by_another_gate_is_inside_until_that_gate_saw_the_exit() -> None:
    bench = Bench(rules=FULL)
    told(bench, INGRID, groups=("warden",))
    bench.badge(INGRID)
    told(bench, INGRID, zone=OUTSIDE)
    bench.badge(INGRID)
    assert reasons(bench) == [Reason.ALREADY_INSIDE, Reason.GRANTED]


def test_a_zone_is_full_over_all_gates_and_an_exit_here_makes_room_at_once() -> None:
    bench = Bench(rules=FULL)
    told(bench, OLA, KARI, groups=("warden",))
    bench.badge(INGRID)
    bench.badge(OLA, EXIT)
    bench.body(EXIT)
    bench.badge(INGRID)
    assert reasons(bench) == [Reason.ZONE_FULL, Reason.GRANTED, Reason.GRANTED]
    assert bench.alarms() == ["+crowded.site", "-crowded.site"]


def test_the_warden_who_walks_in_here_counts_before_the_hub_has_heard() -> None:
    bench = Bench(rules=replace(FULL, occupancy=()))
    bench.permits.permits[INGRID] = Permit(INGRID, groups=("warden",))
    told(bench)
    bench.badge(OLA)
    bench.body()
    bench.badge(KARI)
    assert reasons(bench)[-1] is Reason.COVER_MISSING
    bench.badge(INGRID)
    bench.body()
    bench.badge(KARI)
    assert reasons(bench)[-2:] == [Reason.GRANTED, Reason.GRANTED]


def test_while_the_hub_is_away_rules_of_the_site_warn_and_p6_exits_never_ask() -> None:
    bench = Bench(rules=FULL)
    told(bench, OLA, KARI)
    bench.wait(149_999)
    bench.badge(INGRID)
    bench.wait(1)
    bench.badge(INGRID)
    bench.body()
    assert reasons(bench) == [Reason.ZONE_FULL, Reason.GRANTED]
    granted = next(event for event in bench.events if event.kind is GRANTED)
    assert granted.warnings == (Reason.ZONE_FULL, Reason.COVER_MISSING)
    bench.badge(INGRID, EXIT)
    assert reasons(bench)[-1] is Reason.GRANTED


def test_a_word_that_the_broker_has_kept_does_not_say_that_the_hub_is_there() -> None:
    bench = Bench(rules=FULL)
    told(bench, OLA, KARI, again_ms=0)
    bench.badge(INGRID)
    assert reasons(bench) == [Reason.GRANTED]


def test_a_lane_inside_the_site_leads_on_and_back() -> None:
    bench = Bench(zone="site/tunnel")
    bench.badge(INGRID)
    bench.body()
    bench.badge(INGRID, EXIT)
    bench.body(EXIT)
    assert [event.zone for event in bench.events if event.kind is COMPLETED] == ["site/tunnel", SITE]


def test_p10_what_was_seen_by_a_clock_that_was_not_set_gives_way_to_the_hub_s_word() -> None:
    bench = Bench(rules=FULL)
    bench.clock.set_wall(NOW_MS + 10**9, trusted=False)
    bench.badge(INGRID, EXIT)
    bench.body(EXIT)
    bench.clock.set_wall(NOW_MS, trusted=True)
    told(bench, INGRID)
    assert bench.gate._site.crowd == {(SITE, ""): 1}


def test_a_refused_entry_is_recorded_and_moves_nothing(bench: Bench) -> None:
    bench.badge(STRANGER)
    assert bench.log == ["commit badge.refused", "show main entry unknown_card"]
    assert (bench.events[0].reason, bench.events[0].badge) == (Reason.UNKNOWN_CARD, "badge-1")


def test_p6_a_refused_card_is_let_out_and_the_reason_noted(bench: Bench) -> None:
    bench.badge(STRANGER, EXIT)
    assert bench.log == ["commit badge.granted", "release main exit", "show main exit unknown_card"]
    assert bench.events[0].reason is Reason.UNKNOWN_CARD


def test_the_worker_is_answered_in_the_permit_s_language(bench: Bench) -> None:
    bench.badge(INGRID)
    bench.badge(STRANGER, EXIT)
    bench.body()
    assert [language for _, _, language in bench.lane.shown] == ["pl", None]


def test_p9_an_unreadable_card_is_recorded_with_the_place_on_it(bench: Bench) -> None:
    bench.badge(Unreadable("the number is not digits " + "x" * 500, block=12, field="card_number"))
    bench.badge(Unreadable("no answer"))
    first, second = bench.events
    assert (first.kind, first.reason, first.card) == (EventKind.BADGE_REFUSED, Reason.UNREADABLE, None)
    assert first.detail == {
        "what": ("the number is not digits " + "x" * 500)[:300],
        "block": 12,
        "field": "card_number",
    }
    assert second.detail == {"what": "no answer"}


def test_p6_an_unreadable_card_is_let_out(bench: Bench) -> None:
    bench.badge(Unreadable("no answer"), EXIT)
    assert "release main exit" in bench.log
    bench.body(EXIT)
    assert bench.kinds == [GRANTED, COMPLETED]


def test_p12_no_log_line_holds_a_card_number(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        bench.badge(INGRID)
        bench.body()
        bench.badge(STRANGER)
    assert "hms:01…60" in caplog.text
    assert INGRID.number not in caplog.text
    assert STRANGER.number not in caplog.text


def test_who_has_just_gone_in_is_inside(bench: Bench) -> None:
    bench.badge(INGRID)
    bench.body()
    bench.badge(INGRID)
    assert bench.events[-1].warnings == (Reason.ALREADY_INSIDE,)


# --- grants end ---------------------------------------------------------------------------------------


def test_a_grant_that_nobody_walks_through_ends_at_its_time(bench: Bench) -> None:
    bench.badge(INGRID)
    assert bench.gate.due_ms() == 1_000
    bench.wait(WALK_MS - 1)
    assert bench.kinds == [GRANTED]
    assert bench.gate.due_ms() == 1
    bench.wait(1)
    assert bench.log[-2:] == ["secure main", "commit passage.abandoned"]
    assert bench.events[-1].badge == "badge-1"


def test_p10_setting_the_wall_clock_neither_ends_nor_prolongs_a_grant(bench: Bench) -> None:
    bench.badge(INGRID)
    bench.clock.set_wall(NOW_MS + 10**9, trusted=True)
    bench.gate.tick()
    assert EventKind.PASSAGE_ABANDONED not in bench.kinds
    bench.clock.set_wall(0, trusted=True)
    bench.wait(WALK_MS)
    assert bench.kinds[-1] is EventKind.PASSAGE_ABANDONED


def test_a_body_without_a_grant_is_forced(bench: Bench) -> None:
    bench.body(EXIT)
    assert bench.log == ["commit passage.forced"]
    forced = bench.events[0]
    assert (forced.lane, forced.direction, forced.card, forced.badge) == ("main", EXIT, None, None)


def test_a_body_against_the_grant_is_forced_and_the_grant_stands(bench: Bench) -> None:
    bench.badge(INGRID)
    bench.body(EXIT)
    bench.body(ENTRY)
    assert bench.kinds == [GRANTED, EventKind.PASSAGE_FORCED, COMPLETED]


def test_stop_gives_up_grants_and_records_the_end(bench: Bench) -> None:
    bench.badge(INGRID)
    bench.gate.stop()
    assert bench.log[-3:] == ["secure main", "commit passage.abandoned", "commit gate.stopped"]


def test_start_records_the_version_after_the_clock(bench: Bench) -> None:
    clock, started = bench.disk.events
    assert clock.kind is EventKind.CLOCK_TRUSTED
    assert (started.kind, started.detail) == (EventKind.GATE_STARTED, {"version": "1.2.3"})


# --- who waits ----------------------------------------------------------------------------------------


def test_a_second_badge_waits_for_the_lane_and_is_then_served(bench: Bench) -> None:
    bench.badge(INGRID)
    bench.badge(OLA)
    assert bench.log.count("release main entry") == 1
    bench.body()
    assert bench.log.count("release main entry") == 2
    assert [event.card for event in bench.events] == [INGRID, INGRID, OLA]


def test_who_waits_is_served_when_the_one_before_did_not_walk(bench: Bench) -> None:
    bench.badge(INGRID)
    bench.badge(OLA)
    bench.wait(WALK_MS)
    assert [(event.kind, event.card) for event in bench.events[-2:]] == [
        (EventKind.PASSAGE_ABANDONED, INGRID),
        (GRANTED, OLA),
    ]
    bench.wait(WALK_MS - 1)
    assert bench.kinds[-1] is GRANTED


def test_who_leaves_is_served_before_who_enters(bench: Bench) -> None:
    bench.badge(INGRID)
    bench.badge(OLA, ENTRY)
    bench.badge(KARI, EXIT)
    bench.body(ENTRY)
    bench.body(EXIT)
    bench.body(ENTRY)
    assert [line for line in bench.log if line.startswith("release")] == [
        "release main entry",
        "release main exit",
        "release main entry",
    ]
    assert [event.card for event in bench.events if event.kind is COMPLETED] == [INGRID, KARI, OLA]


def test_a_refused_badge_does_not_hold_up_who_waits_behind_it(bench: Bench) -> None:
    bench.badge(INGRID)
    bench.badge(STRANGER, ENTRY)
    bench.badge(OLA, EXIT)
    bench.body(ENTRY)
    bench.body(EXIT)
    assert bench.kinds == [GRANTED, COMPLETED, GRANTED, COMPLETED, EventKind.BADGE_REFUSED]
    assert bench.gate.health.lanes == {"main": "normal"}


def test_the_newest_badge_of_a_side_is_the_one_that_waits(bench: Bench) -> None:
    bench.badge(INGRID)
    bench.badge(OLA)
    bench.badge(KARI)
    bench.body()
    assert [event.card for event in bench.events] == [INGRID, INGRID, KARI]


def test_the_same_card_held_again_is_no_second_badge(bench: Bench) -> None:
    bench.badge(INGRID)
    bench.badge(INGRID)
    bench.body()
    assert bench.kinds == [GRANTED, COMPLETED]
    assert bench.gate.health.lanes == {"main": "normal"}


def test_the_same_card_at_the_other_reader_is_another_badge(bench: Bench) -> None:
    bench.badge(INGRID, ENTRY)
    bench.badge(INGRID, EXIT)
    bench.body(ENTRY)
    assert [event.direction for event in bench.events if event.kind is GRANTED] == [ENTRY, EXIT]


# --- the disk (P4, P11) -------------------------------------------------------------------------------


def test_p4_a_late_disk_stops_nobody_and_loses_nothing(bench: Bench) -> None:
    bench.stall()
    bench.badge(INGRID)
    assert bench.log == ["release main entry", "show main entry granted"]
    bench.body()
    bench.heal()
    bench.journal.write()
    assert bench.kinds == [GRANTED, EventKind.ALARM_RAISED, COMPLETED]


def test_p4_a_worker_waits_one_deadline_for_a_late_disk_not_two(bench: Bench) -> None:
    bench.stall()
    bench.journal.deadlines_ms.clear()
    bench.badge(INGRID)
    assert sum(bench.journal.deadlines_ms) == DEADLINE_MS


def test_p4_a_late_disk_is_an_alarm_once_and_is_cleared_once(bench: Bench) -> None:
    bench.stall()
    bench.badge(INGRID)
    bench.body()
    bench.badge(OLA)
    assert bench.up() == ("journal.late",)
    bench.heal()
    bench.body()
    bench.badge(KARI)
    assert bench.alarms() == ["+journal.late", "-journal.late"]
    assert bench.up() == ()


def test_p4_a_second_outage_is_a_second_alarm(bench: Bench) -> None:
    for _ in range(2):
        bench.stall()
        bench.badge(STRANGER)
        bench.heal()
        bench.badge(STRANGER)
    assert bench.alarms() == ["+journal.late", "-journal.late"] * 2


def full_bench() -> Bench:
    """Its disk has stopped answering, and the memory before it is full."""
    bench = Bench(max_waiting=2)
    bench.stall()
    bench.badge(STRANGER)
    return bench


def test_p4_p11_without_any_room_for_a_record_nobody_enters() -> None:
    bench = full_bench()
    bench.log.clear()
    bench.badge(INGRID)
    assert bench.log == ["show main entry lane_closed"]
    assert bench.gate.unrecorded == 1
    assert "journal.full" in bench.up()


def test_p6_without_any_room_for_a_record_people_still_leave_and_are_counted() -> None:
    bench = full_bench()
    bench.log.clear()
    bench.badge(INGRID, EXIT)
    bench.body(EXIT)
    assert bench.log == ["release main exit", "show main exit granted", "secure main"]
    assert bench.gate.unrecorded == 2


def test_p11_how_many_went_unrecorded_is_recorded_when_there_is_room_again() -> None:
    bench = full_bench()
    bench.badge(INGRID, EXIT)
    bench.body(EXIT)
    bench.heal()
    bench.journal.write()
    bench.badge(INGRID)
    assert bench.alarms() == ["+journal.late", "-journal.late", "-journal.full"]
    assert bench.events[-1].detail == {"alarm": "journal.full", "unrecorded": 2}
    assert bench.gate.unrecorded == 0
    assert bench.up() == ()


# --- the permits --------------------------------------------------------------------------------------


def test_broken_permits_let_nobody_in_and_everybody_out(bench: Bench) -> None:
    bench.permits.broken = "permits.db is damaged"
    bench.badge(INGRID, ENTRY)
    bench.badge(INGRID, EXIT)
    bench.body(EXIT)
    bench.permits.broken = None
    bench.badge(INGRID, ENTRY)
    assert [(decision.admitted, decision.reason) for decision, _, _ in bench.lane.shown] == [
        (False, Reason.LIST_STALE),
        (True, Reason.LIST_STALE),
        (True, Reason.GRANTED),
    ]
    assert bench.alarms() == ["+permits.unreadable", "-permits.unreadable"]


# --- the relay ----------------------------------------------------------------------------------------


def test_p6_a_fault_of_ours_at_an_exit_still_lets_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gate.controller.decide", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bench.badge(INGRID, EXIT)
    assert bench.log == ["release main exit"]
    bench.wait(WALK_MS)
    assert bench.kinds[-1] is EventKind.PASSAGE_ABANDONED
    with pytest.raises(ZeroDivisionError):
        bench.badge(INGRID, ENTRY)
    assert bench.log.count("release main entry") == 0


def test_a_journal_that_cannot_be_read_refuses_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(card: CardId) -> None:
        raise StoreError("the card is worn out")

    with monkeypatch.context() as patch:
        patch.setattr(bench.journal, "history", broken)
        bench.badge(INGRID)
    assert GRANTED in bench.kinds
    assert bench.alarms() == ["+journal.unreadable"]
    bench.body()
    bench.badge(OLA)
    assert bench.alarms()[-1] == "-journal.unreadable"


def test_a_relay_that_does_not_move_is_an_alarm_until_it_does(bench: Bench) -> None:
    bench.lane.broken = "GPIO17 is in use"
    bench.badge(INGRID)
    bench.wait(WALK_MS)
    assert bench.alarms() == ["+relay.main"]
    assert bench.events[1].detail["what"] == "GPIO17 is in use"
    assert bench.kinds[-1] is EventKind.PASSAGE_ABANDONED
    bench.lane.broken = None
    bench.badge(INGRID)
    assert bench.alarms() == ["+relay.main", "-relay.main"]


def test_p7_a_lane_that_could_not_be_secured_is_secured_as_soon_as_it_obeys(bench: Bench) -> None:
    bench.badge(INGRID)
    bench.lane.broken = "GPIO17 is in use"
    bench.body()
    bench.lane.broken = None
    bench.log.clear()
    bench.wait(1_000)
    assert "secure main" in bench.log
    assert bench.alarms() == ["+relay.main", "-relay.main"]


def test_an_alarm_of_the_driver_does_not_end_because_a_relay_obeys(bench: Bench) -> None:
    bench.gate.handle(Noted(EventKind.ALARM_RAISED, {"alarm": "lane.main", "what": "entry sensor"}))
    bench.badge(INGRID)
    bench.body()
    assert bench.up() == ("lane.main",)


# --- notes, readers, the clock ------------------------------------------------------------------------


def test_a_reader_s_health_is_told_once_a_change(bench: Bench) -> None:
    starting, ok, absent = ReaderState.STARTING, ReaderState.OK, ReaderState.ABSENT
    assert bench.gate.health.readers == {"outside": ReaderHealth(starting), "inside": ReaderHealth(starting)}
    for state in (ok, absent, absent, ok, ok):
        bench.gate.handle(ReaderChanged("outside", state, "unplugged" if state is absent else ""))
    assert bench.alarms() == ["+reader.outside", "-reader.outside"]
    assert bench.gate.health.readers == {"outside": ReaderHealth(ok), "inside": ReaderHealth(starting)}


def test_a_card_number_on_another_chip_is_suspected_and_refuses_nobody(bench: Bench) -> None:
    first, second = bytes.fromhex("04112233445566"), bytes.fromhex("04665544332211")
    for uid in (first, first, second):
        bench.badge(INGRID, uid=uid)
        bench.body()
        bench.badge(INGRID, EXIT)
        bench.body(EXIT)
    suspected = [event for event in bench.disk.events if event.kind is EventKind.CLONE_SUSPECTED]
    assert [(event.card, event.uid, event.detail["uid_before"]) for event in suspected] == [
        (INGRID, second, first.hex())
    ]
    assert bench.log.count("release main entry") == 3


def test_a_name_that_comes_after_the_decision_greets_its_own_holder_only(bench: Bench) -> None:
    bench.badge(INGRID)
    bench.gate.handle(HolderRead("outside", INGRID, "Ingrid"))
    bench.gate.handle(HolderRead("outside", OLA, "Ola"))
    assert [line for line in bench.log if line.startswith("greet")] == ["greet main Ingrid"]
    bench.body()
    bench.badge(STRANGER)
    bench.gate.handle(HolderRead("outside", STRANGER, "Nobody"))
    assert bench.log[-1].startswith("show")


def test_a_reader_s_last_good_read_is_remembered(bench: Bench) -> None:
    bench.badge(Unreadable("torn"))
    assert bench.gate.health.readers["outside"].last_read_ms is None
    read_at = bench.clock.now().wall_ms
    bench.badge(INGRID)
    assert bench.gate.health.readers["outside"].last_read_ms == read_at


def test_an_alarm_of_another_room_is_noted_once_while_it_stands(bench: Bench) -> None:
    up = Noted(EventKind.ALARM_RAISED, {"alarm": "uplink.rival", "what": "another one"})
    down = Noted(EventKind.ALARM_CLEARED, {"alarm": "uplink.rival"})
    for note in (down, up, up, down, down, up):
        bench.gate.handle(note)
    assert bench.alarms() == ["+uplink.rival", "-uplink.rival", "+uplink.rival"]


def test_a_list_applied_is_recorded(bench: Bench) -> None:
    bench.gate.handle(Noted(EventKind.LIST_APPLIED, {"revision": 8, "count": 3}))
    assert (bench.kinds, bench.events[0].detail) == ([EventKind.LIST_APPLIED], {"revision": 8, "count": 3})


def test_p10_when_trust_in_the_clock_comes_it_is_recorded_before_what_it_came_with(bench: Bench) -> None:
    bench.clock.set_wall(5_000, trusted=False)
    bench.badge(INGRID)
    assert not bench.trusted()
    bench.clock.set_wall(NOW_MS + 9_000, trusted=True)
    bench.body()
    assert [event.kind for event in bench.disk.events[-3:]] == [GRANTED, EventKind.CLOCK_TRUSTED, COMPLETED]
    assert bench.disk.events[-2].detail == {
        "boot": "boot-1",
        "offset_ms": NOW_MS + 9_000 - bench.clock.now().monotonic_ms,
        "moved_ms": NOW_MS + 4_000,
    }
    assert bench.trusted()


# --- over every morning -------------------------------------------------------------------------------

steps = st.one_of(
    st.tuples(st.just("badge"), st.sampled_from([INGRID, OLA, STRANGER, Unreadable("x")]), st.sampled_from(Direction)),
    st.tuples(st.just("body"), st.sampled_from(Direction)),
    st.tuples(st.just("wait"), st.integers(0, 2 * WALK_MS)),
    st.tuples(st.sampled_from(["stall", "heal", "permits break", "permits heal"])),
)


def play(bench: Bench, step: tuple[object, ...]) -> None:
    match step:
        case "badge", (CardId() | Unreadable()) as card, Direction() as direction:
            bench.badge(card, direction)
        case "body", Direction() as direction:
            bench.body(direction)
        case "wait", int(by_ms):
            bench.wait(by_ms)
        case ("stall",):
            bench.stall()
        case ("heal",):
            bench.heal()
        case (str(other),):
            bench.permits.broken = "damaged" if other == "permits break" else None


@given(st.lists(steps, max_size=40))
def test_p2_p4_no_morning_leaves_a_release_without_a_record_or_a_grant_without_an_end(
    morning: list[tuple[object, ...]],
) -> None:
    """Every release has its granted badge, every grant its one passage, whatever the order of things."""
    bench = Bench(max_waiting=10_000, rules=Rules(ZoneInfo("Europe/Oslo"), passback=Passback(Action.REFUSE)))
    for step in morning:
        play(bench, step)
        bench.gate.tick()
    bench.heal()
    bench.gate.stop()
    grants = [event.badge for event in bench.events if event.kind is GRANTED]
    ends = [event.badge for event in bench.events if event.kind in (COMPLETED, EventKind.PASSAGE_ABANDONED)]
    moves = [line for line in bench.log if line.startswith(("release", "secure"))]
    assert grants == ends
    assert [line.split()[0] for line in moves] == ["release", "secure"] * len(grants)
    assert all(
        event.direction is EXIT or event.card in (INGRID, OLA) for event in bench.events if event.kind is GRANTED
    )
    assert bench.gate.unrecorded == 0
