"""The uplink as a sans-IO session: against a model hub, over a link that loses and repeats (P2, P3, P5, P8)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.errors import ListRefused
from gate.model import CardId, EventKind, ListState
from gate.ports import ListedPermit, Noted
from gate.uplink import contract
from gate.uplink.contract import Ack, PermitsChunk, PermitsHead, PermitsWant, Publish, Status, Topics, WirePermit
from gate.uplink.lists import REPEAT_WANT_MS, ChangeList, ConfirmList, ReplaceList, refuse_change
from gate.uplink.session import (
    BACKLOG_BATCHES,
    BATCH_RECORDS,
    IDENTITY_WAIT_MS,
    RESEND_CAP_MS,
    RESEND_FIRST_MS,
    RIVAL_SILENT_MS,
    Identity,
    PublishStatus,
    SendRecords,
    Session,
    Settle,
    UplinkEffect,
)
from gate.uplink.signing import Signer, Verifier
from gate.uplink.translate import permits_from_wire

SITE, GATE, EPOCH, RIVAL = "site", "north", "8000000000000000", "f000000000000000"
TOPICS = Topics(SITE)
NOW_MS = 1_781_500_000_000
Effects = Sequence[UplinkEffect]


@cache
def key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"\0"))


HUB = Signer(SITE, key("hub"))


def new_session(*, settled: int = 0, head: int = 0, held: ListState | None = None, instance: str = EPOCH) -> Session:
    verifier = Verifier(SITE, key("hub").public_key())
    return Session(Identity(SITE, GATE, instance), verifier, settled=settled, head=head, held=held, commanded=0)


def speaking(*, settled: int = 0, head: int = 0, held: ListState | None = None) -> tuple[Session, Effects]:
    """A session that has connected and listened, at time 0; and what it said first."""
    session = new_session(settled=settled, head=head, held=held)
    assert session.connected(-IDENTITY_WAIT_MS) == []
    return session, session.tick(0)


def ack(through: int, *, epoch: str = EPOCH, gate: str = GATE, store: str = "") -> tuple[str, bytes]:
    return TOPICS.ack(GATE), HUB.seal(Ack(gate, epoch, through, store))


def status(instance: str, *, online: bool) -> tuple[str, bytes]:
    return TOPICS.status(GATE), contract.encode_status(Status(GATE, instance, online))


def sent(effects: Effects) -> list[tuple[int, int]]:
    return [(effect.first, effect.last) for effect in effects if isinstance(effect, SendRecords)]


def alarms(effects: Effects) -> list[str]:
    sign = {EventKind.ALARM_RAISED: "+", EventKind.ALARM_CLEARED: "-"}
    return [f"{sign[e.kind]}{e.detail['alarm']}" for e in effects if isinstance(e, Noted) and e.kind in sign]


# --- connecting ---------------------------------------------------------------------------------------


def test_a_session_says_nothing_before_it_is_connected() -> None:
    session = new_session(head=5)
    assert session.tick(10**6) == []
    assert session.written(6, 10**6) == []
    assert session.due_ms(10**6) is None
    assert not session.speaking


def test_a_session_listens_first_and_then_begins_with_its_status() -> None:
    session = new_session(head=5)
    assert session.connected(1_000) == []
    assert session.due_ms(1_000) == IDENTITY_WAIT_MS
    assert session.written(6, 1_100) == []
    assert session.tick(1_000 + IDENTITY_WAIT_MS - 1) == []
    assert session.tick(1_000 + IDENTITY_WAIT_MS) == [PublishStatus(), SendRecords(1, 6)]
    assert session.speaking


def test_a_session_subscribes_to_what_concerns_this_gate_and_no_more() -> None:
    assert set(new_session().subscriptions()) == {
        TOPICS.status(GATE), TOPICS.ack(GATE), TOPICS.chunk(GATE), TOPICS.command(GATE), TOPICS.head,
        TOPICS.all_presence,
    }  # fmt: skip


def test_p2_what_was_under_way_when_the_link_went_is_sent_again() -> None:
    session, effects = speaking(head=10)
    assert sent(effects) == [(1, 10)]
    session.message(*ack(4), 100)
    assert session.lost(200) == []
    assert session.tick(10**6) == []
    session.connected(10**6)
    assert sent(session.tick(10**6 + IDENTITY_WAIT_MS)) == [(5, 10)]


# --- live and backlog ---------------------------------------------------------------------------------


def test_a_live_record_goes_out_at_once() -> None:
    session, _ = speaking(settled=10, head=10)
    assert session.written(11, 5) == [SendRecords(11, 11)]
    assert session.written(11, 6) == []
    assert session.written(13, 7) == [SendRecords(12, 13)]


def test_a_live_record_does_not_wait_behind_a_hundred_thousand() -> None:
    """So many records at most stand in front of it in the socket."""
    session, effects = speaking(head=100_000)
    before = sum(last - first + 1 for first, last in sent(effects))
    assert before <= BACKLOG_BATCHES * BATCH_RECORDS
    assert session.written(100_001, 1) == [SendRecords(100_001, 100_001)]


def test_p11_the_backlog_under_way_is_bounded_and_each_ack_lets_one_more_go() -> None:
    session, effects = speaking(head=10_000)
    batches = sent(effects)
    assert batches == [(1, 200), (201, 400), (401, 600), (601, 800)]
    assert session.tick(100) == []
    assert sent(session.message(*ack(200), 200)) == [(801, 1_000)]
    assert sent(session.message(*ack(700), 300)) == [(1_001, 1_200), (1_201, 1_400)]


def test_many_live_records_go_in_batches_of_the_allowed_size() -> None:
    session, _ = speaking()
    assert sent(session.written(450, 1)) == [(1, 200), (201, 400), (401, 450)]


# --- acks and resending -------------------------------------------------------------------------------


def test_p2_only_an_ack_settles_and_never_beyond_what_it_says() -> None:
    session, _ = speaking(head=10)
    assert session.message(*ack(7), 1) == [Settle(7)]
    assert session.unsent == 3


@pytest.mark.parametrize(
    "message",
    [
        ack(7, epoch="f" * 16),
        ack(7, gate="south"),
        (TOPICS.ack("south"), HUB.seal(Ack(GATE, EPOCH, 7))),
        (TOPICS.ack(GATE), Signer(SITE, key("a stranger")).seal(Ack(GATE, EPOCH, 7))),
        (TOPICS.ack(GATE), Signer("site-2", key("hub")).seal(Ack(GATE, EPOCH, 7))),
        (TOPICS.ack(GATE), contract.encode_message(Ack(GATE, EPOCH, 7))),
    ],
    ids=["another epoch", "another gate", "another gate's topic", "a stranger's", "another site's", "not sealed"],
)
def test_p8_an_ack_that_is_not_for_this_journal_settles_nothing(message: tuple[str, bytes]) -> None:
    session, _ = speaking(head=10)
    effects = session.message(*message, 1)
    assert not any(isinstance(effect, Settle) for effect in effects)
    assert session.unsent == 10


def test_p2_an_older_ack_takes_nothing_back() -> None:
    session, _ = speaking(head=10)
    session.message(*ack(7), 1)
    assert session.message(*ack(7), 2) == []
    assert session.message(*ack(3), 3) == []
    assert session.unsent == 3


def test_the_wait_for_an_ack_doubles_up_to_its_cap_and_an_ack_resets_it() -> None:
    session, _ = speaking(head=300)
    now_ms, waits = 0, []
    for _ in range(7):
        due = session.due_ms(now_ms)
        assert due is not None
        assert session.tick(now_ms + due - 1) == []
        now_ms += due
        assert sent(session.tick(now_ms)) == [(1, 200), (201, 300)]
        waits.append(due)
    doubling = [RESEND_FIRST_MS * 2**turn for turn in range(4)]
    assert waits == [*doubling, RESEND_CAP_MS, RESEND_CAP_MS, RESEND_CAP_MS]
    session.message(*ack(200), now_ms)
    assert session.due_ms(now_ms) == RESEND_FIRST_MS


def test_a_session_with_nothing_to_wait_for_wants_no_tick() -> None:
    session, _ = speaking(head=10)
    session.message(*ack(10), 1)
    assert session.due_ms(1) is None
    assert session.tick(10**9) == []


def test_a_quiet_hour_is_not_counted_as_waiting_for_an_ack() -> None:
    session, _ = speaking(settled=10, head=10)
    session.written(11, 3_600_000)
    assert session.due_ms(3_600_000) == RESEND_FIRST_MS


# --- a rival ------------------------------------------------------------------------------------------


def test_another_controller_under_our_name_silences_this_one_until_it_is_gone() -> None:
    session = new_session(head=5)
    session.connected(0)
    assert alarms(session.message(*status(RIVAL, online=True), 10)) == ["+uplink.rival"]
    assert session.tick(20_000) == []
    assert session.written(6, 20_000) == []
    assert (session.speaking, session.due_ms(20_000)) == (False, RIVAL_SILENT_MS + 10 - 20_000)
    effects = session.message(*status(RIVAL, online=False), 20_000)
    assert alarms(effects) == ["-uplink.rival"]
    assert sent(effects) == [(1, 6)]
    assert PublishStatus() in effects


def test_a_rival_that_is_not_heard_again_is_a_ghost() -> None:
    """A retained status of a journal that was set aside, on a broker that said no last will."""
    session = new_session(head=5)
    session.connected(0)
    session.message(*status(RIVAL, online=True), 10)
    session.message(*status(RIVAL, online=True), 15_000)
    assert session.tick(15_000 + RIVAL_SILENT_MS - 1) == []
    effects = session.tick(15_000 + RIVAL_SILENT_MS)
    assert alarms(effects) == ["-uplink.rival"]
    assert sent(effects) == [(1, 5)]


def test_a_rival_that_went_while_the_link_was_down_is_cleared_as_well() -> None:
    session = new_session(head=5)
    session.connected(0)
    session.message(*status(RIVAL, online=True), 10)
    session.lost(20)
    session.connected(30)
    assert alarms(session.tick(30 + IDENTITY_WAIT_MS)) == ["-uplink.rival"]


def test_our_own_status_from_before_is_no_rival() -> None:
    session = new_session()
    session.connected(0)
    assert session.message(*status(EPOCH, online=True), 10) == []
    assert session.message(*status(EPOCH, online=False), 10) == []
    assert session.tick(IDENTITY_WAIT_MS) == [PublishStatus()]


def test_last_words_do_not_stand_as_the_status_of_a_gate_that_speaks() -> None:
    session, _ = speaking()
    assert session.message(*status(RIVAL, online=False), 1) == [PublishStatus()]
    assert session.message(*status(EPOCH, online=False), 2) == [PublishStatus()]
    assert session.message(*status(EPOCH, online=True), 3) == []


def test_of_two_that_began_at_once_one_yields_and_neither_shouts() -> None:
    """After a power cut both listen at the same time and hear nobody. Each one's status reaches both."""
    sessions = {name: new_session(head=1, instance=name) for name in (EPOCH, RIVAL)}
    for session in sessions.values():
        session.connected(0)
    said = [(name, effect) for name, session in sessions.items() for effect in session.tick(IDENTITY_WAIT_MS)]
    statuses = [name for name, effect in said if isinstance(effect, PublishStatus)]
    for spoken in range(20):
        if spoken == len(statuses):
            break
        for name, session in sessions.items():
            effects = session.message(*status(statuses[spoken], online=True), 1_000)
            statuses += [name for effect in effects if isinstance(effect, PublishStatus)]
    assert len(statuses) < 10
    assert [name for name, session in sessions.items() if session.speaking] == [EPOCH]
    assert statuses[-1] == EPOCH


# --- garbage (P9) -------------------------------------------------------------------------------------


@given(
    st.sampled_from([*new_session().subscriptions(), "portvakt/v1/site/south/ack", "x"]),
    st.binary() | st.just(contract.encode_status(Status("Not A Name", RIVAL, online=True))),
)
def test_p9_garbage_is_counted_and_changes_nothing(topic: str, payload: bytes) -> None:
    session, _ = speaking(head=10)
    effects = session.message(topic, payload, 1)
    # A part of the presence that is no longer needed is an empty message.
    assert session.refused == (0 if TOPICS.is_presence(topic) and not payload else 1)
    assert all(isinstance(effect, Noted) and effect.kind is EventKind.ALARM_RAISED for effect in effects)
    assert (session.unsent, session.speaking) == (10, True)
    assert session.message(*ack(10), 2) == [Settle(10)]


# --- a hub that lost its disk --------------------------------------------------------------------------


def test_p2_another_database_that_has_less_is_given_everything_again() -> None:
    session, _ = speaking(head=10)
    session.message(*ack(10, store="old"), 1)
    effects = session.message(*ack(0, store="new"), 2)
    assert alarms(effects) == ["+hub.lost_records"]
    assert sent(effects) == [(1, 10)]
    assert session.unsent == 10
    effects = session.message(*ack(10, store="new"), 3)
    assert effects[0] == Settle(10)
    assert alarms(effects) == ["-hub.lost_records"]


def test_p2_a_late_copy_of_an_ack_asks_for_nothing() -> None:
    session, _ = speaking(head=10)
    session.message(*ack(10, store="one"), 1)
    assert session.message(*ack(4, store="one"), 2) == []
    assert session.tick(10**6) == []
    assert session.unsent == 0


def test_p2_a_hub_that_went_back_to_a_backup_is_given_what_it_lacks() -> None:
    """The same database, so one low ack proves nothing; no progress on top of it does."""
    session, _ = speaking(head=10)
    session.message(*ack(10, store="one"), 1)
    assert sent(session.written(11, 2)) == [(11, 11)]
    assert session.message(*ack(6, store="one"), 3) == []
    effects = session.tick(2 + RESEND_FIRST_MS)
    assert alarms(effects) == ["+hub.lost_records"]
    assert sent(effects) == [(7, 11)]
    assert alarms(session.message(*ack(11, store="one"), 10**4)) == ["-hub.lost_records"]


def test_p3_an_ack_beyond_the_journal_settles_nothing_and_is_told() -> None:
    """An older image was put on the SD card: the hub has records of this epoch that the gate has not."""
    session, _ = speaking(head=10)
    effects = session.message(*ack(25), 1)
    assert alarms(effects) == ["+journal.rolled_back"]
    assert session.unsent == 10


# --- lists --------------------------------------------------------------------------------------------


@dataclass
class ListHub:
    """The hub's half of the list: a head, and chunks for who asks."""

    revision: int = 8
    permits: tuple[WirePermit, ...] = tuple(
        WirePermit("hms", f"{n:08}", "granted", employer=contract.record_hash(b"%d" % n)) for n in range(8_000)
    )
    issued_ms: int = NOW_MS

    def __post_init__(self) -> None:
        self.chunks = contract.pack_permits(self.permits)
        self.digest = contract.digest_of(self.permits)

    def head(self, **changes: object) -> tuple[str, bytes]:
        head = PermitsHead(self.revision, len(self.permits), self.digest, self.issued_ms, self.issued_ms + 10**9)
        for name, value in changes.items():
            head = _with(head, name, value)
        return TOPICS.head, HUB.seal(head)

    def chunk(self, index: int, total: int | None = None) -> tuple[str, bytes]:
        chunk = PermitsChunk(self.revision, index, total or len(self.chunks), self.chunks[index])
        return TOPICS.chunk(GATE), contract.encode_message(chunk)

    def changes(self, since: int, permits: Sequence[WirePermit]) -> tuple[str, bytes]:
        (data,) = contract.pack_permits(permits)
        return TOPICS.chunk(GATE), contract.encode_message(PermitsChunk(self.revision, 0, 1, data, since))

    @property
    def state(self) -> ListState:
        return ListState(self.revision, len(self.permits), self.digest, self.issued_ms, self.issued_ms + 10**9)


def _with(head: PermitsHead, name: str, value: object) -> PermitsHead:
    fields = {field: getattr(head, field) for field in head.__struct_fields__}
    return PermitsHead(**{**fields, name: value})


@cache
def list_hub() -> ListHub:
    hub = ListHub()
    assert len(hub.chunks) >= 3
    return hub


def wants(effects: Effects) -> list[PermitsWant]:
    return [
        contract.decode_message(PermitsWant, effect.payload)
        for effect in effects
        if isinstance(effect, Publish) and effect.topic == TOPICS.want(GATE)
    ]


HELD = ListState(7, 1, "b" * 64, NOW_MS - 60_000, NOW_MS + 10**9)


def test_a_first_list_is_fetched_chunk_by_chunk_and_applied_whole() -> None:
    hub = list_hub()
    session, _ = speaking()
    effects: Effects = session.message(*hub.head(), 1)
    for index in range(len(hub.chunks)):
        assert wants(effects) == [PermitsWant(0, 8, index)]
        effects = session.message(*hub.chunk(index), index)
    (applied,) = effects
    assert isinstance(applied, ReplaceList)
    assert applied.state == hub.state
    assert len(applied.permits) == len(hub.permits)
    assert session.message(*hub.head(issued_ms=NOW_MS + 1), 99) == [
        ConfirmList(replace(hub.state, confirmed_ms=NOW_MS + 1))
    ]


def test_who_holds_a_list_asks_for_what_changed_since() -> None:
    hub = list_hub()
    session, _ = speaking(held=HELD)
    assert wants(session.message(*hub.head(), 1)) == [PermitsWant(7, 8, 0)]
    (change,) = session.message(*hub.changes(7, hub.permits[:2]), 2)
    assert isinstance(change, ChangeList)
    assert (change.since, change.state) == (7, hub.state)
    assert [listed.permit.card.number for listed in change.permits] == ["00000000", "00000001"]


def test_a_hub_that_cannot_tell_what_changed_sends_the_whole() -> None:
    hub = list_hub()
    session, _ = speaking(held=HELD)
    session.message(*hub.head(), 1)
    effects = session.message(*hub.chunk(0), 1)
    for index in range(1, len(hub.chunks)):
        assert wants(effects) == [PermitsWant(0, 8, index)]
        effects = session.message(*hub.chunk(index), index)
    assert isinstance(effects[0], ReplaceList)


def test_changes_that_lead_astray_are_followed_by_the_whole_list_at_once() -> None:
    """The store has found that they do not make the signed digest."""
    hub = list_hub()
    session, _ = speaking(held=HELD)
    session.message(*hub.head(), 1)
    session.message(*hub.changes(7, hub.permits[:1]), 2)
    assert wants(session.list_not_applied(HELD, 3)) == [PermitsWant(0, 8, 0)]
    assert session.message(*hub.changes(7, hub.permits[:1]), 4) == []
    for index in range(len(hub.chunks)):
        effects = session.message(*hub.chunk(index), 5)
    assert isinstance(effects[0], ReplaceList)
    # The list after that is followed by its changes again.
    assert wants(session.message(*hub.head(revision=9), 6)) == [PermitsWant(8, 9, 0)]


def test_p9_changes_that_are_garbage_are_followed_by_the_whole_list_at_once() -> None:
    session, _ = speaking(held=HELD)
    session.message(*list_hub().head(), 1)
    garbage = contract.encode_message(PermitsChunk(8, 0, 1, b"garbage", 7))
    effects = session.message(TOPICS.chunk(GATE), garbage, 2)
    assert "cannot be decompressed" in refusals(effects)[0]
    assert wants(effects) == [PermitsWant(0, 8, 0)]


def test_p11_more_chunks_than_the_list_can_have_are_not_gathered() -> None:
    hub = list_hub()
    session, _ = speaking()
    session.message(*hub.head(), 1)
    assert session.message(*hub.chunk(0, total=contract.most_chunks(8_000) + 1), 2) == []
    assert wants(session.message(*hub.chunk(0), 3)) == [PermitsWant(0, 8, 1)]


standings = st.dictionaries(st.sampled_from(range(6)), st.sampled_from(["granted", "blocked"]), max_size=6)


def _listed(standing_of: Mapping[int, str]) -> dict[CardId, ListedPermit]:
    rows = [WirePermit("hms", f"{number}", standing) for number, standing in standing_of.items()]
    permits = permits_from_wire(rows)
    return {p.card: ListedPermit(p, contract.proof_of_permit(row)) for p, row in zip(permits, rows, strict=True)}


def _state(revision: int, listed: Mapping[CardId, ListedPermit]) -> ListState:
    digest = contract.Digest()
    for one in listed.values():
        digest.add(one.proof)
    return ListState(revision, len(listed), digest.hexdigest(), NOW_MS, NOW_MS + 1)


@given(standings, standings, standings)
def test_p8_changes_are_refused_unless_they_lead_to_the_signed_list(
    before: dict[int, str], changed: dict[int, str], forged: dict[int, str]
) -> None:
    held, wanted = _listed(before), _listed(before | changed)
    proofs = {card: listed.proof for card, listed in held.items()}
    state = _state(2, wanted)
    refuse_change(_state(1, held), proofs, ChangeList(1, list(_listed(changed).values()), state))
    change = ChangeList(1, list(_listed(forged).values()), state)
    if before | forged == before | changed:
        refuse_change(_state(1, held), proofs, change)
    else:
        with pytest.raises(ListRefused, match="do not lead to the signed digest"):
            refuse_change(_state(1, held), proofs, change)
    for other in (None, _state(2, held)):
        with pytest.raises(ListRefused, match="do not fit"):
            refuse_change(other, proofs, ChangeList(1, [], state))


def test_a_gate_without_any_list_takes_the_first_it_is_offered() -> None:
    session, _ = speaking()
    assert wants(session.message(*list_hub().head(), 1)) == [PermitsWant(0, 8, 0)]


def test_a_lost_chunk_is_asked_for_again() -> None:
    session, _ = speaking()
    session.message(*list_hub().head(), 0)
    session.message(*list_hub().chunk(0), 0)
    assert session.due_ms(0) is not None
    assert session.tick(REPEAT_WANT_MS - 1) == []
    assert wants(session.tick(REPEAT_WANT_MS)) == [PermitsWant(0, 8, 1)]
    assert session.tick(REPEAT_WANT_MS + 1) == []


def test_a_fetch_goes_on_where_it_stopped_when_the_link_comes_back() -> None:
    session, _ = speaking()
    session.message(*list_hub().head(), 0)
    session.message(*list_hub().chunk(0), 0)
    session.lost(1)
    session.connected(10_000)
    assert wants(session.tick(10_000 + IDENTITY_WAIT_MS)) == [PermitsWant(0, 8, 1)]


def test_a_chunk_that_was_not_asked_for_changes_nothing() -> None:
    hub = list_hub()
    session, _ = speaking()
    assert session.message(*hub.chunk(0), 0) == []
    session.message(*hub.head(), 0)
    assert session.message(*hub.chunk(1), 0) == []
    session.message(*hub.chunk(0), 0)
    assert session.message(*hub.chunk(0), 0) == []
    assert wants(session.message(*hub.chunk(1), 0)) == [PermitsWant(0, 8, 2)]


def test_a_newer_head_during_a_fetch_begins_anew_and_an_older_one_does_not() -> None:
    hub = list_hub()
    session, _ = speaking()
    session.message(*hub.head(), 0)
    session.message(*hub.chunk(0), 0)
    assert wants(session.message(*hub.head(issued_ms=NOW_MS + 5), 1)) == [PermitsWant(0, 8, 1)]
    assert wants(session.message(*hub.head(revision=9), 2)) == [PermitsWant(0, 9, 0)]
    assert session.message(*hub.head(), 3) == []


def test_the_same_list_cut_otherwise_begins_anew() -> None:
    hub = list_hub()
    session, _ = speaking()
    session.message(*hub.head(), 0)
    session.message(*hub.chunk(0), 0)
    assert wants(session.message(*hub.chunk(1, total=2), 1)) == [PermitsWant(0, 8, 0)]
    assert wants(session.message(*hub.chunk(0, total=2), 1)) == [PermitsWant(0, 8, 1)]


def refusals(effects: Effects) -> list[str]:
    return [str(e.detail["why"]) for e in effects if isinstance(e, Noted) and e.kind is EventKind.LIST_REFUSED]


def test_p5_an_older_list_is_refused_and_told_once() -> None:
    session, _ = speaking(held=replace(HELD, revision=9))
    (why,) = refusals(session.message(*list_hub().head(), 0))
    assert "revision 8 is older than 9" in why
    for at in range(1, 50):
        assert session.message(*list_hub().head(issued_ms=NOW_MS + at), at) == []


def test_p5_the_same_revision_with_another_digest_is_refused() -> None:
    session, _ = speaking(held=replace(HELD, revision=8))
    (why,) = refusals(session.message(*list_hub().head(), 0))
    assert "another digest" in why


def test_a_confirmation_never_goes_back_in_time() -> None:
    hub = list_hub()
    session, _ = speaking(held=hub.state)
    assert session.message(*hub.head(), 0) == []
    assert session.message(*hub.head(issued_ms=NOW_MS - 1), 0) == []
    assert session.message(*hub.head(issued_ms=NOW_MS + 1), 0) == [
        ConfirmList(replace(hub.state, confirmed_ms=NOW_MS + 1))
    ]


@pytest.mark.parametrize(
    ("change", "why"), [({"digest": "c" * 64}, "digest that the hub signed"), ({"count": 7_999}, "the head says 7999")]
)
def test_p8_a_list_that_is_not_what_was_signed_is_refused_and_fetched_anew(change: dict[str, object], why: str) -> None:
    hub = list_hub()
    session, _ = speaking()
    session.message(*hub.head(**change), 0)
    effects: Effects = []
    for index in range(len(hub.chunks)):
        effects = session.message(*hub.chunk(index), 0)
    assert why in refusals(effects)[0]
    assert wants(session.message(*hub.head(), 1)) == [PermitsWant(0, 8, 0)]


def test_p9_chunks_that_are_garbage_are_refused_and_fetched_anew() -> None:
    session, _ = speaking()
    session.message(*list_hub().head(), 0)
    garbage = contract.encode_message(PermitsChunk(8, 0, 1, b"garbage"))
    assert "cannot be decompressed" in refusals(session.message(TOPICS.chunk(GATE), garbage, 0))[0]
    assert wants(session.message(*list_hub().head(), 1)) == [PermitsWant(0, 8, 0)]


def test_a_list_that_the_store_would_not_take_is_fetched_anew() -> None:
    hub = ListHub(permits=(WirePermit("hms", "1", "granted"),))
    session, _ = speaking()
    session.message(*hub.head(), 0)
    (applied,) = session.message(*hub.chunk(0), 0)
    assert isinstance(applied, ReplaceList)
    assert session.list_not_applied(None, 1) == []
    assert wants(session.message(*hub.head(), 1)) == [PermitsWant(0, 8, 0)]


# --- over every sequence: nothing is lost (P2) --------------------------------------------------------


@dataclass
class Morning:
    """A session, a hub that commits whatever reaches it, and what is in the air between them."""

    head: int = 0
    now_ms: int = 0
    committed: set[int] = field(default_factory=set)
    settled: int = 0
    in_the_air: list[SendRecords] = field(default_factory=list)
    acks: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = new_session()

    def take(self, effects: Effects) -> None:
        for effect in effects:
            if isinstance(effect, SendRecords):
                assert 1 <= effect.first <= effect.last <= self.head
                assert effect.last - effect.first < BATCH_RECORDS
                self.in_the_air.append(effect)
            elif isinstance(effect, Settle):
                assert effect.through > self.settled
                assert set(range(1, effect.through + 1)) <= self.committed
                self.settled = effect.through

    def write(self, records: int) -> None:
        self.head += records
        self.take(self.session.written(self.head, self.now_ms))

    def arrive(self, which: int, *, stays: bool = False) -> None:
        """A batch reaches the hub, which commits and then acks; `stays`: it will come once more."""
        if self.in_the_air:
            which %= len(self.in_the_air)
            batch = self.in_the_air[which] if stays else self.in_the_air.pop(which)
            self.committed |= set(range(batch.first, batch.last + 1))
            through = 0
            while through + 1 in self.committed:
                through += 1
            self.acks.append(HUB.seal(Ack(GATE, EPOCH, through)))

    def hear(self, which: int, *, stays: bool = False) -> None:
        """An ack reaches the gate, in any order."""
        if self.acks:
            which %= len(self.acks)
            sealed = self.acks[which] if stays else self.acks.pop(which)
            self.take(self.session.message(TOPICS.ack(GATE), sealed, self.now_ms))

    def pass_time(self, by_ms: int) -> None:
        self.now_ms += by_ms
        self.take(self.session.tick(self.now_ms))

    def cut(self) -> None:
        """The link goes, and all that is in the air with it."""
        self.in_the_air.clear()
        self.acks.clear()
        self.take(self.session.lost(self.now_ms))

    def join(self) -> None:
        self.take(self.session.connected(self.now_ms))

    def calm_down(self) -> None:
        """From now on nothing is lost any more."""
        self.join()
        for _ in range(10 * (self.head // BATCH_RECORDS + 10)):
            if self.settled == self.head:
                return
            while self.in_the_air or self.acks:
                self.arrive(0)
                self.hear(0)
            self.pass_time(max(1, self.session.due_ms(self.now_ms) or 1))


which = st.integers(0, 9)
steps = st.one_of(
    st.tuples(st.just("write"), st.sampled_from([1, 2, 350, 1_700])),
    st.tuples(st.sampled_from(["arrive", "arrive and come again", "vanish", "hear", "hear again", "mishear"]), which),
    st.tuples(st.just("time"), st.sampled_from([1, IDENTITY_WAIT_MS, RESEND_FIRST_MS, RESEND_CAP_MS])),
    st.tuples(st.sampled_from(["cut", "join"]), st.just(0)),
)


def play(morning: Morning, what: str, number: int) -> None:
    match what:
        case "write":
            morning.write(number)
        case "arrive" | "arrive and come again":
            morning.arrive(number, stays=what != "arrive")
        case "vanish":
            if morning.in_the_air:
                morning.in_the_air.pop(number % len(morning.in_the_air))
        case "hear" | "hear again":
            morning.hear(number, stays=what != "hear")
        case "mishear":
            if morning.acks:
                morning.acks.pop(number % len(morning.acks))
        case "time":
            morning.pass_time(number)
        case "cut":
            morning.cut()
        case "join":
            morning.join()


@settings(max_examples=200)
@given(st.lists(steps, max_size=60))
def test_p2_whatever_is_lost_or_repeated_everything_is_settled_in_the_end(day: list[tuple[str, int]]) -> None:
    """And nothing is ever settled that the hub has not committed (asserted at every Settle)."""
    morning = Morning()
    for what, number in day:
        play(morning, what, number)
    morning.calm_down()
    assert morning.settled == morning.head
    assert morning.session.unsent == 0


@settings(max_examples=100)
@given(st.lists(steps, max_size=60))
def test_p11_the_backlog_in_the_air_is_bounded_between_two_resends(day: list[tuple[str, int]]) -> None:
    """Of what a session sends in one breath, no more than the window is old."""
    morning = Morning()
    for what, number in day:
        before, old_head = len(morning.in_the_air), morning.head
        play(morning, what, number)
        if what != "cut":
            old = [batch for batch in morning.in_the_air[before:] if batch.last <= old_head]
            assert len(old) <= BACKLOG_BATCHES


def test_p2_a_backlog_drains_in_as_many_rounds_as_its_window_needs() -> None:
    morning = Morning()
    morning.head = 10_000
    morning.session = new_session(head=10_000)
    morning.join()
    morning.pass_time(IDENTITY_WAIT_MS)
    seen: list[int] = []
    while morning.in_the_air:
        seen.append(morning.in_the_air[0].first)
        morning.arrive(0)
        morning.hear(0)
    assert morning.settled == 10_000
    assert all(after - before == BATCH_RECORDS for before, after in pairwise(seen))
