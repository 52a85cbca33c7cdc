"""A look at a real installation, part by part: what is well, what is not, what to do about it.

Opens what the gate itself would open, changes nothing, and moves a turnstile only when it was asked to.
Beside a running gate it leaves readers and lanes alone: they are in use.
"""

import queue
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique
from pathlib import Path
from typing import Any

from cryptography.x509 import load_pem_x509_certificate

from gate import clock as clocks
from gate.cache.journal import read_bodies
from gate.cache.permits import SqlitePermits
from gate.config import GateConfig, MusterPoint, state_dir, warnings
from gate.drivers import new_lamps, new_lane, new_reader
from gate.errors import GateError, RelayError
from gate.model import CardContents, Direction, Moment, MusterReply, ReaderState
from gate.muster_desk import LAMPS
from gate.ports import CardShown, Input, ReaderChanged
from gate.uplink import contract
from gate.uplink.contract import PermitsHead
from gate.uplink.signing import Verifier
from gate.wiring import check, verify_key
from portvakt.credentials import seen_by_others
from portvakt.errors import AlreadyRunning, PortvaktError
from portvakt.link import BrokerLink, Connected, LinkInput, Lost, Message
from portvakt.process import FolderLock

READER_WAIT_S = 5.0
BROKER_WAIT_S = 12.0
HEAD_WAIT_S = 2.0
DISK_WARN_PERCENT = 70
DISK_FAIL_PERCENT = 98
HOUR_MS = 3_600_000
CERTIFICATE_WARN_DAYS = 30


@unique
class State(StrEnum):
    """How a part is. SKIPPED says why it was not looked at."""

    WELL = "well"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of the installation; `advice` is what to do, empty when nothing is."""

    part: str
    state: State
    says: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the installer wants looked at beyond what can be seen without hands. Each asks first."""

    hold_card: Callable[[str], bool]
    """Told the reader's name before it waits for a card; False leaves the card out."""
    move_lane: Callable[[str], bool]
    """Told what is about to move; False leaves it alone."""
    card_wait_s: float = 20.0
    click_s: float = 0.5
    """How long a relay stays released, so that it is heard."""


def examine(config: GateConfig, wishes: Wishes) -> Iterator[Finding]:
    """Every part in turn, from the settings outward. Blocking; seconds for what does not answer."""
    yield from _settings(config)
    folder = state_dir(config)
    yield from _disk(folder)
    running = _running(folder)
    yield running
    yield from _stores(config, folder)
    yield _clock(config)
    yield from _certificates(config)
    yield from _broker(config)
    if running.state is State.WARNING:
        yield Finding(
            "readers, lanes", State.SKIPPED, "the running gate uses them", "stop it first: systemctl stop gate"
        )
        return
    for reader in config.readers:
        yield from _reader(reader, wishes)
    for lane in config.lanes:
        yield from _lane(lane, wishes)
    for point in config.muster_points:
        yield from _muster_point(point, wishes)


def _settings(config: GateConfig) -> Iterator[Finding]:
    found = check(config)
    for problem in found.problems:
        yield Finding("settings", State.FAILED, problem, "mend it in the settings file")
    for warning in warnings(config):
        yield Finding("settings", State.WARNING, warning)
    for task in found.still_to_do:
        yield Finding("settings", State.FAILED, task)
    if not found.problems and not found.still_to_do:
        yield Finding("settings", State.WELL, f"gate {config.gate} at site {config.site}")


def _disk(folder: Path) -> Iterator[Finding]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".doctor-{uuid.uuid4().hex}"
        probe.write_bytes(b"")
        probe.unlink()
        usage = shutil.disk_usage(folder)
    except OSError as refused:
        yield Finding(
            "disk", State.FAILED, f"{folder}: {refused.strerror}", "run it as the gate's user, or set state_dir"
        )
        return
    used = 100 * usage.used // usage.total
    says = f"{folder}: {used} % used, {usage.free // 1_000_000:,} MB free"
    if used >= DISK_FAIL_PERCENT:
        yield Finding("disk", State.FAILED, says, "make room: the journal needs it")
    elif used >= DISK_WARN_PERCENT:
        yield Finding("disk", State.WARNING, says, "make room soon")
    else:
        yield Finding("disk", State.WELL, says)


def _running(folder: Path) -> Finding:
    try:
        with FolderLock(folder):
            return Finding("gate", State.WELL, "not running now")
    except AlreadyRunning as running:
        return Finding("gate", State.WARNING, str(running).partition(";")[0])
    except PortvaktError as refused:
        return Finding("gate", State.FAILED, str(refused))


def _stores(config: GateConfig, folder: Path) -> Iterator[Finding]:
    journal, permits = folder / "journal.db", folder / "permits.db"
    if journal.exists():
        yield _guarded("journal", lambda: _journal(journal))
    else:
        yield Finding("journal", State.SKIPPED, "there is none yet; the gate makes it when it first runs")
    if permits.exists():
        yield _guarded("permits", lambda: _permits(config, permits))
    else:
        yield Finding("permits", State.SKIPPED, "there is no list yet; it comes from the hub")


def _journal(path: Path) -> Finding:
    bodies = read_bodies(path)
    before = None
    for body in bodies:
        event = contract.decode_event(body)
        if before is not None and event.prevhash != before:
            return Finding(
                "journal",
                State.FAILED,
                f"the chain is broken before record {event.seq}",
                "keep the file: it is evidence",
            )
        before = contract.record_hash(body)
    return Finding("journal", State.WELL, f"{len(bodies)} records, chain whole")


def _permits(config: GateConfig, path: Path) -> Finding:
    store = SqlitePermits(path)
    try:
        state = store.state()
    finally:
        store.close()
    if state is None:
        return Finding("permits", State.WARNING, "no list yet: every entry is refused", "see what `broker` says below")
    age_h = (_now().wall_ms - state.confirmed_ms) / HOUR_MS
    says = f"revision {state.revision}, {state.count} permits, confirmed {age_h:.1f} h ago"
    if age_h > config.rules.stale_after_h:
        return Finding(
            "permits", State.FAILED, f"{says}: stale", "see what `broker` says below, and whether the hub runs"
        )
    return Finding("permits", State.WELL, says)


def _clock(config: GateConfig) -> Finding:
    if config.clock.trust == "always":
        return Finding(
            "clock",
            State.WARNING,
            "trusted without a time source, by the settings",
            'set [clock] trust = "ntp" on a site',
        )
    if clocks.kernel_says_synchronised()():
        return Finding("clock", State.WELL, "set by a time source")
    return Finding(
        "clock", State.WARNING, "no time source has set it", "timedatectl set-ntp true; or wire a clock with a battery"
    )


def _certificates(config: GateConfig) -> Iterator[Finding]:
    """Those that TLS to the broker rests on; none when the link is in clear."""
    for key in ("ca_file", "cert_file"):
        path = getattr(config.broker, key)
        if path is None:
            continue
        part = f"certificate {Path(path).name}"
        try:
            found = load_pem_x509_certificate(Path(path).read_bytes())
        except (OSError, ValueError) as wrong:
            yield Finding(part, State.FAILED, f"{path}: no certificate ({wrong})", f"mend broker.{key}")
            continue
        renews = key == "cert_file" and config.broker.key_file is None
        if renews and (mode := seen_by_others(Path(path))):
            yield Finding(part, State.FAILED, f"{path}: mode {mode:o}, others may read the key", f"chmod 600 {path}")
            continue
        left = (found.not_valid_after_utc - datetime.now(UTC)).days
        says = f"valid until {found.not_valid_after_utc:%Y-%m-%d}, {left} days"
        if left < 0:
            yield Finding(part, State.FAILED, says, "join again with a new bundle, or bring a new one")
        elif left < CERTIFICATE_WARN_DAYS:
            advice = "it should have renewed itself: see `broker` below" if renews else "bring a new one soon"
            yield Finding(part, State.WARNING, says, advice)
        else:
            yield Finding(part, State.WELL, says)


def _broker(config: GateConfig) -> Iterator[Finding]:
    where = f"{config.broker.host}:{config.broker.port}"
    topics = contract.Topics(config.site)
    inbox: queue.Queue[LinkInput] = queue.Queue()
    name = f"doctor-{uuid.uuid4().hex[:12]}"
    try:
        link = BrokerLink(config.broker, name, [topics.head], None, inbox)
    except PortvaktError as wrong:
        yield Finding("broker", State.FAILED, str(wrong), "mend [broker] in the settings")
        return
    link.start()
    try:
        match _first(inbox, (Connected, Lost), BROKER_WAIT_S):
            case Connected():
                yield Finding("broker", State.WELL, f"{where} takes us")
                yield _hub(config, inbox)
            case Lost(why):
                yield Finding(
                    "broker", State.FAILED, f"{where}: {why}", "is it on, is the cable in, is the address right?"
                )
            case _:
                yield Finding("broker", State.FAILED, f"{where} does not answer", "is the address right?")
    finally:
        link.close()


def _hub(config: GateConfig, inbox: "queue.Queue[LinkInput]") -> Finding:
    """The retained head of the list, and whether the hub whose key we hold has signed it."""
    head = _first(inbox, (Message,), HEAD_WAIT_S)
    if not isinstance(head, Message):
        return Finding("hub", State.WARNING, "no permit list is on offer", "does the hub run, has it a crew list?")
    try:
        opened = Verifier(config.site, verify_key(Path(config.hub.verify_key))).open(PermitsHead, head.payload)
    except PortvaktError as wrong:
        return Finding("hub", State.FAILED, str(wrong), "bring the hub's key anew: hub key -o FILE")
    age_h = (_now().wall_ms - opened.issued_ms) / HOUR_MS
    return Finding(
        "hub", State.WELL, f"offers list {opened.revision} with {opened.count} permits, signed {age_h:.1f} h ago"
    )


def _reader(settings: Any, wishes: Wishes) -> Iterator[Finding]:
    part = f"reader {settings.name}"
    heard: queue.Queue[Input] = queue.Queue()
    try:
        reader = new_reader(settings)
    except GateError as wrong:
        yield Finding(part, State.FAILED, str(wrong))
        return
    reader.start(heard.put)
    try:
        state = _first(heard, (ReaderChanged,), READER_WAIT_S)
        if not isinstance(state, ReaderChanged) or state.state is not ReaderState.OK:
            says = f"{state.state}: {state.what}" if isinstance(state, ReaderChanged) else "says nothing"
            yield Finding(
                part, State.FAILED, says, "is it plugged in; does its name hold what `match` says (pcsc_scan)?"
            )
            return
        yield Finding(part, State.WELL, f"{settings.__struct_config__.tag}, {settings.stands}")
        if wishes.hold_card(settings.name):
            yield _card(part, _first(heard, (CardShown,), wishes.card_wait_s))
    finally:
        reader.close()


def _card(part: str, shown: object) -> Finding:
    part = f"{part}: card"
    if not isinstance(shown, CardShown):
        return Finding(part, State.FAILED, "no card was seen", "hold it flat and still; try another card")
    match shown.reading.result:
        case CardContents(card=card):
            return Finding(part, State.WELL, f"{card.masked} read from its {shown.reading.medium}")
        case unreadable:
            return Finding(part, State.FAILED, unreadable.what, "is the coding the right one, and are the keys?")


def _lane(settings: Any, wishes: Wishes) -> Iterator[Finding]:
    part = f"lane {settings.name}"
    try:
        lane = new_lane(settings)
        lane.start(lambda _given: None)
    except RelayError as wrong:
        yield Finding(part, State.FAILED, str(wrong))
        return
    try:
        yield Finding(part, State.WELL, "opened, locked both ways")
        for direction in Direction:
            if wishes.move_lane(f"{settings.name}: release for {direction}, then lock"):
                lane.release(direction)
                time.sleep(wishes.click_s)
                lane.secure()
                yield Finding(f"{part}: {direction}", State.WELL, "released and locked; did it click?")
    except RelayError as wrong:
        yield Finding(part, State.FAILED, str(wrong), "check the wiring of this relay")
    finally:
        lane.close()


def _muster_point(settings: MusterPoint, wishes: Wishes) -> Iterator[Finding]:
    """Its lamps and buzzer; its readers are looked at with the others."""
    part = f"muster point {settings.name}"
    try:
        lamps = new_lamps(settings)
        if lamps is None:
            yield Finding(part, State.WELL, "no lamps wired; readers and screen answer")
            return
        lamps.start(lambda _given: None)
    except RelayError as wrong:
        yield Finding(part, State.FAILED, str(wrong))
        return
    try:
        yield Finding(part, State.WELL, "lamps opened, dark")
        if wishes.move_lane(f"{settings.name}: green lamp and buzzer, as for a card that is counted"):
            lamps.show(LAMPS[MusterReply.COUNTED], Direction.ENTRY, None)
            time.sleep(wishes.click_s)
            yield Finding(f"{part}: lamps", State.WELL, "played; did it light up and beep?")
    finally:
        lamps.close()


def _guarded(part: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except PortvaktError as wrong:
        return Finding(part, State.FAILED, str(wrong), "the gate moves a damaged file aside when it starts")


def _first(heard: "queue.Queue[Any]", kinds: tuple[type, ...], wait_s: float) -> object:
    """The first of these kinds to come; None when none does in time."""
    until = _now().monotonic_ms + wait_s * 1000
    while (left_ms := until - _now().monotonic_ms) > 0:
        try:
            given = heard.get(timeout=left_ms / 1000)
        except queue.Empty:
            return None
        if isinstance(given, kinds):
            return given
    return None


def _now() -> Moment:
    return clocks.SystemClock(clocks.always()).now()
