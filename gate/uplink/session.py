"""The uplink as a sans-IO session: connected, lost, message, records written, tick -> effects. Pure.

Rules of this room:
1. A record is settled by the hub's signed ack and by nothing else (P2): no PUBACK, no return code.
2. What was there when the link came up is the backlog; what is written afterwards is live. The backlog
   goes out in large batches, a few under way at a time; a live record goes out at once. So a live
   record never waits behind a hundred thousand old ones.
3. When the acks stop, everything that is not settled becomes backlog again; the hub drops what it has
   (P3). The wait doubles, so a dead hub is not shouted at.
4. Another controller that is online under this gate's name silences this one until it is gone. Of two
   that began to speak at once, after a power cut, the one with the higher instance yields.
"""

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from gate.model import EventKind, ListState
from gate.ports import Noted, SiteTold
from gate.uplink import contract, translate
from gate.uplink.commands import CommandFollower, Given, HubTime
from gate.uplink.contract import Ack, Command, ContractError, PermitsChunk, PermitsHead, Presence, Publish, Topics
from gate.uplink.lists import ChangeList, ConfirmList, ListEffect, ListFollower, ListProblem, ReplaceList
from gate.uplink.signing import Verifier

BATCH_RECORDS = 200
"""200 records of the largest allowed size stay below contract.MAX_BATCH_BYTES."""
BACKLOG_BATCHES = 4
"""Backlog batches under way: enough to keep the hub's commit busy, few enough that a live record finds
a short line in front of it in the socket."""
RESEND_FIRST_MS = 4_000
RESEND_CAP_MS = 60_000
IDENTITY_WAIT_MS = 400
"""How long to look for another controller under our name before speaking: the broker sends a retained
status right behind the SUBACK."""


PROBLEMS_REMEMBERED = 16
_ROLLED_BACK = "was an older image put on the card? Stop the gate, move journal.db aside, start it"
RIVAL_SILENT_MS = 45_000
"""A controller that runs says its status every 15 s. One that is heard once and never again is a ghost: a
retained status of a journal that is no more, kept by a broker that lost its power and said no last will."""

OLD_PRESENCE_MS = 120_000
"""Parts come in any order behind what has just been seen, but not later than this."""


@dataclass(frozen=True, slots=True)
class SendRecords:
    """Read records `first` to `last` from the outbox and publish them as one batch."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Settle:
    """The hub has committed everything up to `through`."""

    through: int


@dataclass(frozen=True, slots=True)
class PublishStatus:
    """Publish the gate's status now."""


UplinkEffect: TypeAlias = (
    SendRecords | Settle | PublishStatus | Publish | ReplaceList | ChangeList | ConfirmList | Given | SiteTold
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this controller is. `instance` is its journal's epoch: it survives restarts, and no two
    controllers share it."""

    site: str
    gate: str
    instance: str


class Session:
    """One gate's uplink. Every method takes `now_ms` of the monotonic clock and returns effects."""

    def __init__(
        self,
        identity: Identity,
        verifier: Verifier,
        *,
        settled: int,
        head: int,
        held: ListState | None,
        commanded: int,
    ) -> None:
        """`settled`, `head`, `held` and `commanded` are what journal and permit store say."""
        self._identity = identity
        self._topics = Topics(identity.site)
        self._verifier = verifier
        self._settled = settled
        self._head = head
        self._lists = ListFollower(identity.gate, self._topics, held)
        self._commands = CommandFollower(identity.gate, commanded)
        self._hub_time = HubTime()
        self._online = False
        self._speak_at_ms: int | None = None
        self._rival = False
        self._rival_told = False
        self._rival_heard_ms = 0
        self._backlog_next = settled + 1
        self._backlog_end = head
        self._live_next = head + 1
        self._under_way: deque[int] = deque()
        self._resend_ms = RESEND_FIRST_MS
        self._progress_ms = 0
        self._settled_by = ""
        self._heard = settled
        self._asked_again_until = 0
        self._complained = False
        self._told_ms = 0
        self._beat_ms = 0
        self._told_problems: deque[str] = deque(maxlen=PROBLEMS_REMEMBERED)
        self.refused = 0

    def subscriptions(self) -> tuple[str, ...]:
        gate = self._identity.gate
        topics = self._topics
        own = (topics.status(gate), topics.ack(gate), topics.chunk(gate), topics.command(gate))
        return (*own, topics.head, topics.all_presence)

    @property
    def unsent(self) -> int:
        """Records that the hub has not acknowledged."""
        return self._head - self._settled

    @property
    def settled(self) -> int:
        """The hub has acknowledged all records up to this one."""
        return self._settled

    @property
    def speaking(self) -> bool:
        """Whether this controller may send."""
        return self._online and self._speak_at_ms is None and not self._rival

    # --- inputs ----------------------------------------------------------------------------------

    def connected(self, now_ms: int) -> list[UplinkEffect]:
        """The link is up and subscribed; first listen who else bears our name."""
        self._online = True
        self._rival = False
        self._told_ms = 0
        self._speak_at_ms = now_ms + IDENTITY_WAIT_MS
        return []

    def lost(self, now_ms: int) -> list[UplinkEffect]:
        """The link is down; nothing that was under way counts as sent."""
        self._online = False
        self._speak_at_ms = None
        self._under_way.clear()
        self._lists.lost()
        return []

    def written(self, head: int, now_ms: int) -> list[UplinkEffect]:
        """The journal has committed records up to `head`."""
        self._head = max(self._head, head)
        return self._send(now_ms) if self.speaking else []

    def message(self, topic: str, payload: bytes, now_ms: int) -> list[UplinkEffect]:
        """Something arrived. Garbage and strangers' signatures are counted in `refused`, and change nothing."""
        gate = self._identity.gate
        try:
            if topic == self._topics.ack(gate):
                return self._ack(self._verifier.open(Ack, payload), now_ms)
            if topic == self._topics.head:
                head = self._verifier.open(PermitsHead, payload)
                self._hub_time.heard(head.issued_ms, now_ms)
                return self._translated(self._lists.head(head, now_ms))
            if topic == self._topics.chunk(gate):
                return self._translated(self._lists.chunk(contract.decode_message(PermitsChunk, payload), now_ms))
            if self._topics.is_presence(topic):
                return self._presence(topic, payload, now_ms)
            if topic == self._topics.command(gate):
                return self._command(self._verifier.open(Command, payload), now_ms)
            if topic == self._topics.status(gate):
                return self._own_status(contract.decode_status(payload), now_ms)
        except ContractError as wrong:
            self.refused += 1
            self._complained = True
            return [_alarm(EventKind.ALARM_RAISED, "uplink.message", f"{topic}: {wrong}")]
        self.refused += 1
        return []

    def list_not_applied(self, held: ListState | None, now_ms: int) -> list[UplinkEffect]:
        """The store would not take the list; `held` is what it has."""
        return self._translated(self._lists.not_applied(held, now_ms))

    def tick(self, now_ms: int) -> list[UplinkEffect]:
        """Time passes: the silence at the start ends, acks are overdue, chunks are asked for again."""
        if not self._online:
            return []
        effects: list[UplinkEffect] = []
        if self._rival and now_ms - self._rival_heard_ms >= RIVAL_SILENT_MS:
            self._rival = False
            effects += self._begin(now_ms)
        if self._speak_at_ms is not None and now_ms >= self._speak_at_ms and not self._rival:
            effects += self._begin(now_ms)
        if not self.speaking:
            return effects
        if self._awaits_ack and now_ms - self._progress_ms >= self._resend_ms:
            self._resend_ms = min(2 * self._resend_ms, RESEND_CAP_MS)
            if self._heard < self._settled:
                # No progress, and the hub's last word was a lower number: that was no late copy.
                effects += self._asked_again(self._heard, self._settled_by, now_ms)
            else:
                effects += self._send_again(now_ms)
        return effects + self._translated(self._lists.tick(now_ms))

    def due_ms(self, now_ms: int) -> int | None:
        """Milliseconds until `tick` has something to do; None when only an input can."""
        if not self._online:
            return None
        if self._rival:
            return max(0, self._rival_heard_ms + RIVAL_SILENT_MS - now_ms)
        if self._speak_at_ms is not None:
            return max(0, self._speak_at_ms - now_ms)
        waits = []
        if self._awaits_ack:
            waits.append(self._progress_ms + self._resend_ms - now_ms)
        if self._lists.fetching:
            waits.append(1_000)
        return max(0, min(waits)) if waits else None

    # --- sending ---------------------------------------------------------------------------------

    @property
    def _awaits_ack(self) -> bool:
        return bool(self._under_way) or self._live_next - 1 > self._settled

    def _begin(self, now_ms: int) -> list[UplinkEffect]:
        self._speak_at_ms = None
        self._resend_ms = RESEND_FIRST_MS
        # The rival may have gone while this link was down: the first word of ours is what clears it.
        gone = [_alarm(EventKind.ALARM_CLEARED, "uplink.rival", "")] if self._rival_told else []
        if self._complained:
            # A new connection, a new chance: if the cause is still there, the alarm is back at once.
            gone.append(_alarm(EventKind.ALARM_CLEARED, "uplink.message", ""))
        self._rival_told = self._complained = False
        return [*gone, PublishStatus(), *self._send_again(now_ms)]

    def _send_again(self, now_ms: int) -> list[UplinkEffect]:
        """All that is not settled is backlog from now on."""
        self._under_way.clear()
        self._backlog_next = self._settled + 1
        self._backlog_end = self._head
        self._live_next = self._head + 1
        self._progress_ms = now_ms
        return self._send(now_ms)

    def _send(self, now_ms: int) -> list[UplinkEffect]:
        if not self._awaits_ack:
            self._progress_ms = now_ms
        batches: list[UplinkEffect] = []
        # Live first: the few new records pass the many old ones.
        while self._live_next <= self._head:
            last = min(self._head, self._live_next + BATCH_RECORDS - 1)
            batches.append(SendRecords(self._live_next, last))
            self._live_next = last + 1
        while self._backlog_next <= self._backlog_end and len(self._under_way) < BACKLOG_BATCHES:
            last = min(self._backlog_end, self._backlog_next + BATCH_RECORDS - 1)
            batches.append(SendRecords(self._backlog_next, last))
            self._under_way.append(last)
            self._backlog_next = last + 1
        return batches

    def _ack(self, ack: Ack, now_ms: int) -> list[UplinkEffect]:
        if ack.gate != self._identity.gate or ack.epoch != self._identity.instance:
            return []
        if ack.through > self._head:
            what = f"the hub has {ack.through} records of this journal, which ends at {self._head}"
            return [_alarm(EventKind.ALARM_RAISED, "journal.rolled_back", f"{what}; {_ROLLED_BACK}")]
        self._heard = ack.through
        if ack.through < self._settled:
            # From the same database it is most likely a late copy; `tick` knows if it is not.
            return self._asked_again(ack.through, ack.store, now_ms) if ack.store != self._settled_by else []
        self._settled_by = ack.store
        if ack.through == self._settled:
            return []
        self._settled = ack.through
        self._progress_ms = now_ms
        self._resend_ms = RESEND_FIRST_MS
        while self._under_way and self._under_way[0] <= self._settled:
            self._under_way.popleft()
        self._backlog_next = max(self._backlog_next, self._settled + 1)
        effects: list[UplinkEffect] = [Settle(self._settled)]
        if 0 < self._asked_again_until <= self._settled:
            self._asked_again_until = 0
            effects.append(_alarm(EventKind.ALARM_CLEARED, "hub.lost_records", ""))
        return effects + (self._send(now_ms) if self.speaking else [])

    def _asked_again(self, through: int, store: str, now_ms: int) -> list[UplinkEffect]:
        """The hub has lost its disk, or went back to a backup. What it lacks is sent again, as far as this
        gate still has it (P2)."""
        self._settled_by = store
        self._asked_again_until = max(self._asked_again_until, self._settled)
        self._settled = through
        what = f"the hub asks again for everything after record {through}"
        told = _alarm(EventKind.ALARM_RAISED, "hub.lost_records", what)
        return [told, *(self._send_again(now_ms) if self.speaking else [])]

    # --- identity and lists ----------------------------------------------------------------------

    def _own_status(self, status: contract.Status, now_ms: int) -> list[UplinkEffect]:
        ours = status.instance == self._identity.instance
        if self.speaking and (ours or not status.online or self._identity.instance < status.instance):
            # Our own echo; or last words, the rival's or ours of a broken link, or a rival that must
            # yield: none of these may stand as our status.
            return [] if ours and status.online else [PublishStatus()]
        if ours:
            return []
        if status.online:
            self._rival = self._rival_told = True
            self._rival_heard_ms = now_ms
            what = f"gate {self._identity.gate!r} is already online from another controller ({status.instance})"
            return [_alarm(EventKind.ALARM_RAISED, "uplink.rival", f"{what}; give one of them another name")]
        if self._rival:
            self._rival = False
            return self._begin(now_ms)
        return []

    def clock(self, wall_ms: int, now_ms: int) -> None:
        """A trusted clock of this gate's own."""
        self._hub_time.own(wall_ms, now_ms)

    def _command(self, command: Command, now_ms: int) -> list[UplinkEffect]:
        if not self._hub_time.known:
            # Nothing to judge its age by. The hub says it again in a second, and its list and presence come first.
            return []
        self._hub_time.heard(command.issued_ms, now_ms)
        return [*self._commands.take(command, self._hub_time.at(now_ms))]

    def _presence(self, topic: str, payload: bytes, now_ms: int) -> list[UplinkEffect]:
        """What has just been seen also says that the hub is there; a part that the broker kept does not."""
        if not payload:
            # A part that is no longer needed.
            return []
        told = self._verifier.open(Presence, payload)
        self._hub_time.heard(told.issued_ms, now_ms)
        if told.issued_ms < self._told_ms - OLD_PRESENCE_MS:
            # Played again by somebody: what was forgotten here may not come back from it.
            self.refused += 1
            return []
        self._told_ms = max(self._told_ms, told.issued_ms)
        again_ms = 0
        if topic == self._topics.presence_now and told.issued_ms > self._beat_ms:
            self._beat_ms, again_ms = told.issued_ms, told.again_ms
        return [SiteTold(translate.sightings_from_wire(told.rows), again_ms)]

    def _translated(self, effects: list[ListEffect]) -> list[UplinkEffect]:
        """A problem becomes a note for the journal, once: a repeated bad head must not fill the disk."""
        noted: list[UplinkEffect] = []
        for effect in effects:
            if not isinstance(effect, ListProblem):
                noted.append(effect)
            elif effect.why not in self._told_problems:
                self._told_problems.append(effect.why)
                noted.append(Noted(EventKind.LIST_REFUSED, {"why": effect.why[:300]}))
        return noted


def _alarm(kind: EventKind, alarm: str, what: str) -> Noted:
    return Noted(kind, {"alarm": alarm, "what": what[:300]})
