"""The composition root: settings in, a running gate out."""

import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

import gate
from gate import clock as clocks
from gate.cache.journal import SqliteJournal
from gate.cache.permits import SqlitePermits
from gate.certificate import OwnCertificate
from gate.config import (
    DAYS,
    GateConfig,
    GpioLane,
    OsdpReader,
    PcscReader,
    Pn532Reader,
    SerialLine,
    VirtualReader,
    screen_socket,
    state_dir,
    time_of_day,
)
from gate.controller import Controller, Place
from gate.decide import HOUR_MS, Credentials, Rules
from gate.displayed_lane import DisplayedLane
from gate.drivers import load_layout, new_lamps, new_lane, new_panel, new_readers
from gate.errors import RelayError, StoreCorrupt
from gate.lane_control import LaneParts
from gate.model import Direction, Event, EventKind, Medium
from gate.muster_desk import MusterPlace
from gate.muster_sign import PointSign
from gate.ports import Lane, Noted
from gate.reader.layouts import load_osdp, load_scbk
from gate.reader.profiles import load_all
from gate.relay.display import AT_MUSTER, of_mode
from gate.relay.display_server import DisplayServer
from gate.rules import Action, Cover, ListPolicy, Occupancy, OpeningHours, Passback, Rest
from gate.simulator.remote import RemoteServer
from gate.threads import ControllerThread
from gate.turnstile import Mode
from gate.uplink import contract, translate
from gate.uplink.mqtt import Uplink, UplinkInput, UplinkThread
from gate.uplink.renewal import Renewal
from gate.uplink.session import Identity, Session
from gate.uplink.signing import Verifier
from portvakt.errors import PortvaktError, SettingsError
from portvakt.link import BrokerLink, LastWill, check_files
from portvakt.notify import Supervisor
from portvakt.process import FolderLock
from portvakt.settings import zone_named

log = logging.getLogger(__name__)

UPLINK_INBOX = 2_000
PRUNE_EVERY_S = 3_600.0

S = TypeVar("S")


class Gate:
    """A whole gate. `run` returns when `stop` is set; everything is then closed, lanes first."""

    def __init__(self, config: GateConfig, supervisor: Supervisor) -> None:
        self._config = config
        self._supervisor = supervisor
        self._folder = state_dir(config)

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        """Run until told to stop. Raises PortvaktError when it cannot start."""
        with FolderLock(self._folder):
            parts = _Parts(self._config, self._folder, self._supervisor)
            try:
                parts.start()
                self._supervisor.ready(f"gate {self._config.gate} of site {self._config.site}")
                ready()
                while not stop.wait(PRUNE_EVERY_S):
                    parts.prune()
            finally:
                self._supervisor.stopping()
                parts.close()


class _Parts:
    """Everything that is started and closed, in the order in which that must happen."""

    def __init__(self, config: GateConfig, folder: Path, supervisor: Supervisor) -> None:
        self._config = config
        self._topics = contract.Topics(config.site)
        verifier = Verifier(config.site, verify_key(Path(config.hub.verify_key)))
        self._set_aside: list[str] = []
        self._started = False
        self._permits = self._opened(SqlitePermits, folder / "permits.db")
        self._journal = self._opened(self._open_journal, folder / "journal.db")
        self._instance = self._journal.head().epoch
        self._clock = clocks.SystemClock(
            clocks.always() if config.clock.trust == "always" else clocks.kernel_says_synchronised()
        )
        self._lanes = {settings.name: new_lane(settings) for settings in config.lanes}
        self._displays = self._open_displays()
        self._signs = {
            point.name: PointSign(point.name, new_lamps(point), self._displays.get(point.name))
            for point in config.muster_points
        }
        self._panel = new_panel(config)
        self._readers = new_readers(config.readers)
        self._controller = self._build_controller()
        self._thread = ControllerThread(self._controller, supervisor.alive)
        self._build_uplink(verifier)
        self._folder = folder
        self._remote: RemoteServer | None = None

    def start(self) -> None:
        # The lanes first: their safe level stands before anything else can fail.
        for lane in self._lanes.values():
            lane.start(self._thread.deliver)
        self._controller.start(gate.__version__)
        self._started = True
        for what in self._set_aside:
            self._controller.handle(Noted(EventKind.ALARM_RAISED, {"alarm": "store.set_aside", "what": what}))
        for sign in self._signs.values():
            try:
                sign.start()
            except RelayError as dark:
                # A lamp at the assembly point keeps no turnstile from working.
                told = {"alarm": f"muster_point.{sign.name}", "what": str(dark)}
                self._controller.handle(Noted(EventKind.ALARM_RAISED, told))
        if self._panel is not None:
            self._panel.start(self._thread.deliver)
        self._thread.start()
        for reader in self._readers:
            reader.start(self._thread.deliver)
        self._link.start()
        self._uplink.start()
        self._remote = self._open_remote()

    def prune(self) -> None:
        now = self._clock.now()
        if not now.trusted:
            # A clock in the year 2099 would find every record too old.
            return
        removed = self._journal.prune(now.wall_ms, self._config.journal.keep_settled_days)
        log.info("journal=pruned records=%d", removed)

    def close(self) -> None:
        if self._remote is not None:
            self._remote.close()
        for reader in self._readers:
            reader.close()
        if self._panel is not None:
            self._panel.close()
        self._thread.close()
        if self._started:
            self._controller.stop()
        for lane in self._lanes.values():
            lane.close()
        for sign in self._signs.values():
            sign.close()
        for display in self._displays.values():
            display.close()
        self._uplink.close()
        self._link.close(self._will())
        self._journal.close()
        self._permits.close()

    # --- building ----------------------------------------------------------------------------------

    def _opened(self, open_: Callable[[Path], S], path: Path) -> S:
        """Open a database; a damaged one is moved aside, kept, and told about: a gate comes back after
        a power cut whatever its card did."""
        try:
            return open_(path)
        except StoreCorrupt as damaged:
            aside = path.with_name(f"{path.stem}.damaged-{int(time.time())}{path.suffix}")
            for suffix in ("", "-wal", "-shm"):
                part = Path(f"{path}{suffix}")
                if part.exists():
                    part.rename(f"{aside}{suffix}")
            self._set_aside.append(f"{damaged}; kept as {aside.name}, started anew")
            return open_(path)

    def _open_displays(self) -> dict[str, DisplayServer]:
        """Where the screens connect; a socket that cannot be made costs the screen, not the lane."""
        found = {}
        resting = dict.fromkeys(self._lanes, of_mode(Mode.NORMAL))
        resting |= {point.name: AT_MUSTER for point in self._config.muster_points}
        for name, face in resting.items():
            path = screen_socket(self._config, name)
            try:
                found[name] = DisplayServer(path, face)
            except OSError as refused:
                log.warning("place=%s screen=none socket=%s why=%r", name, path, str(refused))
        return found

    def _shown(self, name: str) -> Lane:
        """The lane as the controller drives it: with its screen, where it has one."""
        lane = self._lanes[name]
        return DisplayedLane(lane, self._displays[name]) if name in self._displays else lane

    def _open_journal(self, path: Path) -> SqliteJournal:
        config = self._config

        def encode(event: Event, *, epoch: str, seq: int, prevhash: str) -> bytes:
            return translate.outgoing_record(
                event, site=config.site, gate=config.gate, epoch=epoch, seq=seq, prevhash=prevhash
            )

        return SqliteJournal(path, encode, contract.record_hash, max_waiting=config.journal.max_waiting_events)

    def _build_controller(self) -> Controller:
        config = self._config
        return Controller(
            lanes={
                settings.name: LaneParts(
                    self._shown(settings.name),
                    int(settings.walk_s * 1000),
                    settings.tailgate_ms if isinstance(settings, GpioLane) else 0,
                    settings.zone,
                )
                for settings in config.lanes
            },
            readers={
                settings.name: Place(at_lane[0], Direction(at_lane[1]), reader.show)
                for settings, reader in zip(config.readers, self._readers, strict=True)
                if (at_lane := settings.at_lane) is not None
            },
            muster_readers={
                settings.name: MusterPlace(self._signs[settings.muster_point], reader.show)
                for settings, reader in zip(config.readers, self._readers, strict=True)
                if settings.muster_point is not None
            },
            permits=self._permits,
            journal=self._journal,
            clock=self._clock,
            rules=_rules(config),
            deadline_ms=config.journal.deadline_ms,
            new_badge=lambda: str(uuid.uuid4()),
        )

    def _build_uplink(self, verifier: Verifier) -> None:
        config = self._config
        session = Session(
            Identity(config.site, config.gate, self._instance),
            verifier,
            settled=self._journal.settled(),
            head=self._journal.head().seq,
            held=self._permits.state(),
            commanded=self._journal.commanded(),
        )
        inbox: queue.Queue[UplinkInput] = queue.Queue(UPLINK_INBOX)
        client = f"gate-{config.site}-{config.gate}-{self._instance}"
        renewal = self._renewal(verifier)
        subscriptions = (*session.subscriptions(), *([renewal.topic] if renewal else []))
        self._link = BrokerLink(config.broker, client, subscriptions, self._will(), inbox)
        uplink = Uplink(
            gate=config.gate,
            topics=self._topics,
            session=session,
            outbox=self._journal,
            keeper=self._permits,
            link=self._link,
            clock=self._clock,
            note=self._thread.deliver,
            status=self._status,
            renewal=renewal,
        )
        self._uplink = UplinkThread(uplink, inbox)
        self._journal.on_commit = self._uplink.written

    def _renewal(self, verifier: Verifier) -> Renewal | None:
        """Of a certificate that `gate join` has brought; one that came by other means is the site's to renew."""
        config, broker = self._config, self._config.broker
        if broker.ca_file is None or broker.cert_file is None or broker.key_file is not None:
            return None
        own = OwnCertificate(Path(broker.cert_file), config.gate)
        authority = Path(broker.ca_file)
        return Renewal(config.site, config.gate, verifier, own, lambda: authority.read_text(encoding="ascii"))

    def _open_remote(self) -> RemoteServer | None:
        if not self._config.remote_control:
            return None
        from gate.simulator.reader import Hand
        from gate.simulator.reader import VirtualReader as Simulated
        from gate.simulator.turnstile import VirtualTurnstile

        return RemoteServer(
            self._folder / "control.sock",
            readers={reader.name: Hand(reader) for reader in self._readers if isinstance(reader, Simulated)},
            lanes={name: lane for name, lane in self._lanes.items() if isinstance(lane, VirtualTurnstile)},
        )

    def _will(self) -> LastWill:
        gone = contract.Status(gate=self._config.gate, instance=self._instance, online=False)
        return LastWill(self._topics.status(self._config.gate), contract.encode_status(gone))

    def _status(self, session: Session) -> contract.Status:
        held, head, health = self._permits.state(), self._journal.head(), self._controller.health
        return contract.Status(
            gate=self._config.gate,
            instance=self._instance,
            online=True,
            version=gate.__version__,
            list_revision=held.revision if held else 0,
            list_confirmed_ms=held.confirmed_ms if held else 0,
            list_digest=held.digest if held else "",
            epoch=head.epoch,
            head_seq=head.seq,
            head_hash=head.hash,
            # Of this very head: the session may not have heard of it yet.
            unsent=head.seq - session.settled,
            clock_trusted=health.clock_trusted,
            readers={name: str(reader.state) for name, reader in health.readers.items()},
            reader_reads_ms={name: reader.last_read_ms or 0 for name, reader in health.readers.items()},
            lanes=dict(health.lanes),
            alarms=health.alarms,
            at_ms=self._clock.now().wall_ms,
            oldest_seq=self._journal.oldest(),
            muster_readers={
                reader.name: reader.muster_point for reader in self._config.readers if reader.muster_point is not None
            },
        )


def _rules(config: GateConfig) -> Rules:
    rules = config.rules
    return Rules(
        zone=zone_named(rules.time_zone, "rules.time_zone"),
        credentials=Credentials(
            entry=_media(rules.credentials.entry),
            exit=_media(rules.credentials.exit),
            if_chip_seen=_media(rules.credentials.entry_if_chip_seen),
            chip_seen_ms=rules.credentials.chip_seen_days * 86_400_000,
        ),
        passback=Passback(
            Action(rules.already_inside),
            None if rules.inside_for_h is None else int(rules.inside_for_h * HOUR_MS),
            int(rules.inside_grace_s * 1000),
            None if rules.inside_reset is None else time_of_day(rules.inside_reset),
        ),
        hours=tuple(
            OpeningHours(
                frozenset(DAYS.index(day) for day in hours.days),
                time_of_day(hours.opens),
                time_of_day(hours.closes),
                frozenset(hours.lanes) or None,
                frozenset(hours.groups) or None,
            )
            for hours in rules.hours
        ),
        outside_hours=Action(rules.outside_hours),
        rest=Rest(Action(rules.short_rest), int(rules.rest_h * HOUR_MS), int(rules.break_h * HOUR_MS)),
        occupancy=tuple(Occupancy(one.limit, one.zone, one.warn_at, Action(one.action)) for one in rules.occupancy),
        cover=tuple(Cover(one.group, one.before, one.zone, Action(one.action)) for one in rules.cover),
        hub_away=Action(rules.hub_away),
        manual_pass=Action(rules.manual_pass),
        expiry_notice_days=rules.expiry_notice_days,
        ageing_after_ms=int(rules.ageing_after_h * HOUR_MS),
        ageing_list=ListPolicy(rules.ageing_list),
        stale_after_ms=int(rules.stale_after_h * HOUR_MS),
        stale_list=ListPolicy(rules.stale_list),
        seen_here_ms=rules.seen_here_days * 24 * HOUR_MS,
        untrusted_clock=Action(rules.untrusted_clock),
    )


def _media(words: Sequence[str]) -> frozenset[Medium]:
    return frozenset(Medium(word) for word in words)


def verify_key(path: Path) -> Ed25519PublicKey:
    """The hub's public key. Raises SettingsError."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as missing:
        raise SettingsError(
            f"hub.verify_key: {path} cannot be read ({missing.strerror}); make it with `hub key -o {path}`"
        ) from missing
    except (ValueError, UnsupportedAlgorithm) as broken:
        raise SettingsError(f"hub.verify_key: {path} holds no public key in PEM form") from broken
    if not isinstance(key, Ed25519PublicKey):
        raise SettingsError(f"hub.verify_key: {path} holds another kind of key; an Ed25519 key is expected")
    return key


@dataclass(frozen=True, slots=True)
class Findings:
    """What a look at everything the settings refer to has found."""

    problems: Sequence[str]
    still_to_do: Sequence[str]
    """What an installer has yet to bring: no fault of the settings."""


def check(config: GateConfig) -> Findings:
    """Would a gate start with these settings? Opens no device and changes nothing."""
    problems, still_to_do = [], []
    key = Path(config.hub.verify_key)
    if not key.exists():
        still_to_do.append(f"hub.verify_key: {key} is not there yet; make it with `hub key -o {key.name}`")
    parts: list[Callable[[], object]] = [lambda: _rules(config), lambda: check_files(config.broker)]
    parts += [lambda: verify_key(key)] if key.exists() else []
    chips = [reader for reader in config.readers if isinstance(reader, PcscReader | Pn532Reader | VirtualReader)]
    lines = [reader for reader in config.readers if isinstance(reader, SerialLine)]
    parts += [partial(load_layout, reader) for reader in lines]
    for reader in config.readers:
        if isinstance(reader, OsdpReader):
            parts.append(partial(load_osdp, Path(reader.layout)))
            if reader.scbk_file is not None:
                parts.append(partial(load_scbk, Path(reader.scbk_file)))
    parts += [partial(load_all, Path(reader.coding), Path(reader.keys)) for reader in chips]
    for part in parts:
        try:
            part()
        except PortvaktError as wrong:
            problems.append(str(wrong))
    return Findings(problems, still_to_do)
