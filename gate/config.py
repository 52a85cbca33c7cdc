"""The gate's settings: one TOML file (`config/gate.toml` is the documented example).

A unit stands in every name. A driver is chosen by name; there is never a fallback to another one.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import time
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec.structs import replace

from gate.zones import GROUP_PATTERN, SITE, ZONE_PATTERN
from portvakt.credentials import named_file
from portvakt.link import BrokerSettings, anchored_broker, broker_problems
from portvakt.logs import LEVELS
from portvakt.settings import Settings, load, refusal

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Pin = Annotated[int, msgspec.Meta(ge=0, le=27)]
"""A BCM number, as printed on the Pi's pin-out as GPIO0 to GPIO27."""


class ReaderPlace(Settings, frozen=True, kw_only=True):
    """What every reader says: its name, and where it stands. That is one side of a lane, or an assembly point."""

    name: Name
    lane: Name | None = None
    direction: str | None = None
    muster_point: Name | None = None
    """An entry of `muster_points`, in place of lane and direction: a card shown there moves nothing."""

    @property
    def at_lane(self) -> tuple[str, str] | None:
        """Lane and direction; None for a muster reader."""
        return (self.lane, self.direction) if self.lane is not None and self.direction is not None else None

    @property
    def stands(self) -> str:
        """Where, in words."""
        return f"{self.direction} at lane {self.lane}" if self.at_lane else f"muster point {self.muster_point}"


class PcscReader(ReaderPlace, frozen=True, kw_only=True, tag_field="driver", tag="pcsc"):
    """A PC/SC reader. `match` is a part of the name that pcscd shows for it."""

    match: str
    coding: str
    keys: str
    greet: bool = False
    """Read the holder's first name too, after the decision, for the lane's screen (P12)."""
    key_structure: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0x00
    """P1 of LOAD KEYS: 0x00 volatile, 0x20 non-volatile memory. Differs by reader family."""
    key_slot: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0x00


class VirtualReader(ReaderPlace, frozen=True, kw_only=True, tag_field="driver", tag="virtual"):
    """A simulated reader, for the demo, training and tests."""

    coding: str
    keys: str
    greet: bool = False
    """Read the holder's first name too, after the decision, for the lane's screen (P12)."""


class SerialLine(ReaderPlace, frozen=True, kw_only=True):
    """What stripe and QR readers share: a line, and how messages stand on it."""

    device: str
    """Such as /dev/serial/by-id/…, which stays when two readers swap their numbers."""
    layout: str
    """The profile of what it reads: `config/coding/demo-stripe.toml`, `config/coding/demo-qr.toml`."""
    baud: Annotated[int, msgspec.Meta(ge=300, le=921_600)] = 9600
    data_bits: Annotated[int, msgspec.Meta(ge=7, le=8)] = 8
    parity: str = "none"
    framing: str = "cr"
    """What ends a message: `cr`, `lf`, `crlf`, `stx-etx`, or `idle`, silence."""
    idle_ms: Annotated[int, msgspec.Meta(ge=5, le=2000)] = 100
    """A gap so long ends what is unfinished."""
    hold_off_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 1500
    """The same again within this time is the same showing."""
    trigger_hex: Annotated[str, msgspec.Meta(pattern=r"^([0-9A-Fa-f]{2}){0,32}$")] = ""
    """Bytes that are sent when the line opens and after each reading, for scanners that wait to be asked."""


class StripeReader(SerialLine, frozen=True, kw_only=True, tag_field="driver", tag="stripe"):
    """A magnetic stripe reader on a serial line."""


class QrReader(SerialLine, frozen=True, kw_only=True, tag_field="driver", tag="qr"):
    """A QR scanner on a serial line."""


class Pn532Reader(ReaderPlace, frozen=True, kw_only=True, tag_field="driver", tag="pn532"):
    """A PN532 module on a serial line (UART)."""

    device: str
    """Such as /dev/serial0, or /dev/serial/by-id/…"""
    coding: str
    keys: str
    greet: bool = False
    """Read the holder's first name too, after the decision, for the lane's screen (P12)."""
    poll_ms: Annotated[int, msgspec.Meta(ge=20, le=1000)] = 50
    """How often the field is looked at while no card is in it."""
    reset_pin: Pin | None = None
    """The BCM number of the pin at the chip's RSTPDN; without it a hung chip is only opened anew."""


class OsdpReader(ReaderPlace, frozen=True, kw_only=True, tag_field="driver", tag="osdp"):
    """A peripheral on an OSDP bus (IEC 60839-11-5, RS-485). Readers with the same `device` share the bus."""

    device: str
    address: Annotated[int, msgspec.Meta(ge=0, le=126)]
    layout: str
    """How the bits that the reader sends are a card's number: `config/coding/demo-osdp.toml`."""
    scbk_file: str | None = None
    """The secure channel base key of this reader alone: 32 hexadecimal digits. Without it the line is
    not encrypted, and counts as a weaker medium."""
    install: bool = False
    """Take a new reader that still has the published default key, and give it the one of `scbk_file`.
    Only while installing: a reader that comes back cleared is never given a key by itself."""
    baud: Annotated[int, msgspec.Meta(ge=9600, le=230_400)] = 9600


ReaderSettings = PcscReader | Pn532Reader | StripeReader | QrReader | OsdpReader | VirtualReader


Zone = Annotated[str, msgspec.Meta(pattern=ZONE_PATTERN)]
"""`site`, or a part of it that has lanes of its own, such as `site/tunnel`."""


class GpioLane(Settings, frozen=True, kw_only=True, tag_field="driver", tag="gpio"):
    """A turnstile on the Pi's pins. A pin that is left out is not wired."""

    name: Name
    entry_relay_pin: Pin | None = None
    exit_relay_pin: Pin | None = None
    """A way without a relay turns by itself, as the exit of a one-way turnstile does."""
    relay_active_high: bool = True
    fails: str = "secure"
    """`secure`: a relay that is drawn releases; without the gate, or power, the turnstile's own control
    decides. `safe`: a relay that is drawn locks; without the gate, or power, the lane is free."""
    pulse_ms: Annotated[int, msgspec.Meta(ge=20, le=10_000)] = 500
    entry_sensor_pin: Pin | None = None
    exit_sensor_pin: Pin | None = None
    sensor: str = "direction"
    """`direction`: one contact for each way. `beams`: two light beams, the entry's pin the outer one; they
    tell who turned back."""
    sensor_active_low: bool = True
    stuck_after_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 30.0
    """A contact that is active for so long is an alarm."""
    tailgate_ms: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    """A body so soon after a completed passage came on the same grant; 0 where the sensor cannot tell two
    bodies apart."""
    entry_button_pin: Pin | None = None
    """The guard's button."""
    exit_button_pin: Pin | None = None
    debounce_ms: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 40
    green_lamp_pin: Pin | None = None
    red_lamp_pin: Pin | None = None
    buzzer_pin: Pin | None = None
    walk_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 7.0
    zone: Zone = SITE
    """Where an entry leads; an exit leads to what lies around it."""


class VirtualLane(Settings, frozen=True, kw_only=True, tag_field="driver", tag="virtual"):
    """A simulated turnstile, for the demo, training and tests."""

    name: Name
    walk_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 7.0
    zone: Zone = SITE


LaneSettings = GpioLane | VirtualLane


class MusterPoint(Settings, frozen=True, kw_only=True):
    """An assembly point with readers of this gate, and what stands beside them. A pin that is left out is not wired."""

    name: Name
    green_lamp_pin: Pin | None = None
    red_lamp_pin: Pin | None = None
    buzzer_pin: Pin | None = None


class FireSettings(Settings, frozen=True, kw_only=True):
    """The fire input, on the Pi's pins. A pin that is left out is not wired."""

    loop_pin: Pin | None = None
    """A loop to ground that is closed while all is well: open, every lane is free, until the key is turned."""
    key_pin: Pin | None = None
    """The key switch at the gate that ends an evacuation, once the loop is closed again."""


class SideGate(Settings, frozen=True, kw_only=True):
    """A gate beside the turnstiles; its contact is closed while the gate is."""

    name: Name
    pin: Pin


class ScreenSettings(Settings, frozen=True, kw_only=True):
    """The page on a display at the lane: `gate screen`."""

    seconds: Annotated[float, msgspec.Meta(ge=1, le=60)] = 6.0
    """How long an answer is shown."""


class CredentialSettings(Settings, frozen=True, kw_only=True):
    """Which media count, strongest first: chip, osdp (with secure channel), stripe, qr, uid. What does not
    count is `weak_credential`: refused at an entry, noted at an exit."""

    entry: tuple[str, ...] = ("chip", "osdp")
    exit: tuple[str, ...] = ("chip", "osdp", "stripe", "qr", "uid")
    entry_if_chip_seen: tuple[str, ...] = ()
    """These open an entry when this gate has read the same card's chip within `chip_seen_days`."""
    chip_seen_days: Annotated[int, msgspec.Meta(ge=1, le=30)] = 14


class HoursSettings(Settings, frozen=True, kw_only=True):
    """One stretch of opening hours, on the clock at the site."""

    days: tuple[str, ...] = ("mon", "tue", "wed", "thu", "fri")
    opens: str
    closes: str
    """At or before `opens` it is on the day after."""
    lanes: tuple[str, ...] = ()
    """The lanes that it speaks of; all of them when left out."""
    groups: tuple[str, ...] = ()
    """The groups of the crew list whom it lets in; everybody when left out."""


class OccupancySettings(Settings, frozen=True, kw_only=True):
    """How many may be in a zone, over all gates of the site."""

    zone: Zone = SITE
    limit: Annotated[int, msgspec.Meta(ge=1)]
    warn_at: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """From so many on it is an alarm at the hub; nobody is refused."""
    action: str = "refuse"


class CoverSettings(Settings, frozen=True, kw_only=True):
    """Somebody of a group is in a zone before the n-th worker goes in."""

    zone: Zone = SITE
    group: Annotated[str, msgspec.Meta(pattern=GROUP_PATTERN)]
    """A group of the crew list, such as first-aider or warden."""
    before: Annotated[int, msgspec.Meta(ge=1)] = 2
    action: str = "warn"


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def time_of_day(text: str) -> time:
    """A time such as 06:30. Raises ValueError."""
    found = time.fromisoformat(text)
    if found.tzinfo is not None:
        raise ValueError("a time of day at the site has no zone")
    return found


class RuleSettings(Settings, frozen=True, kw_only=True):
    """What the gate itself decides. Rules refuse entry, never exit."""

    credentials: CredentialSettings = CredentialSettings()
    already_inside: str = "warn"
    """`refuse`, `warn` or `off`, for an entry of who is in the zone already, by whatever gate."""
    inside_for_h: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """An entry is forgotten after so long: whoever went out another way is not kept out for good."""
    inside_grace_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0
    """A second entry so soon is the same worker, who was not quick enough."""
    inside_reset: str | None = None
    """Time of day, such as "03:00", at which all entries are forgotten."""
    outside_hours: str = "refuse"
    """`refuse`, `warn` or `off`, for an entry outside `hours`."""
    hours: tuple[HoursSettings, ...] = ()
    """When the site is open; always, when there are none."""
    short_rest: str = "off"
    """`refuse`, `warn` or `off`, for an entry too soon after the last shift."""
    rest_h: Annotated[float, msgspec.Meta(gt=0, le=24)] = 11.0
    """The least rest between two shifts."""
    break_h: Annotated[float, msgspec.Meta(gt=0, le=12)] = 3.0
    """Being out for less than this is a break within a shift."""
    ageing_after_h: Annotated[float, msgspec.Meta(gt=0)] = 24.0
    """The list is ageing when the hub has not confirmed it for so long."""
    ageing_list: str = "everybody"
    """Who is let in by an ageing list: `everybody` on it, those `seen_here` lately, `nobody`."""
    stale_after_h: Annotated[float, msgspec.Meta(gt=0)] = 72.0
    """The list is stale when the hub has not confirmed it for so long."""
    stale_list: str = "nobody"
    """Who is let in by a stale list."""
    seen_here_days: Annotated[int, msgspec.Meta(ge=1, le=30)] = 14
    """How long this gate knows a card by itself."""
    untrusted_clock: str = "warn"
    """What a permit with dates gets while the clock is untrusted: `refuse`, `warn` or `off`."""
    occupancy: tuple[OccupancySettings, ...] = ()
    cover: tuple[CoverSettings, ...] = ()
    hub_away: str = "warn"
    """The most that already_inside, occupancy and cover do while the hub is silent, and this gate knows its own
    passages only; `refuse` suits a site with one gate."""
    manual_pass: str = "off"  # noqa: S105 - not a password
    """What the guard's button at an entry gets: `refuse`, `warn`, which is noted, or `off`."""
    expiry_notice_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 30
    """A worker whose card expires within so many days is told; 0 tells nobody."""
    time_zone: str = "Europe/Oslo"


class JournalSettings(Settings, frozen=True, kw_only=True):
    """The journal and its limits."""

    deadline_ms: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 150
    """How long a permitted worker waits for the disk before the lane turns all the same (P4)."""
    keep_settled_days: Annotated[int, msgspec.Meta(ge=0, le=400)] = 30
    """Acknowledged records stay so long, for a hub that lost its disk."""
    max_waiting_events: Annotated[int, msgspec.Meta(ge=10)] = 10_000
    """How many events may wait in memory for a disk that does not answer."""


class HubSettings(Settings, frozen=True, kw_only=True):
    """How the gate knows its hub."""

    verify_key: str
    """The file with the hub's public key, PEM; `hub key` prints it."""


class ClockSettings(Settings, frozen=True, kw_only=True):
    """Where trust in the clock comes from."""

    trust: str = "ntp"
    """`ntp`: the kernel says that a time source has set the clock. `always`: this host's clock is
    right by other means (a battery-backed clock, a machine for trying things out)."""


class GateConfig(Settings, frozen=True, kw_only=True):
    """The whole file."""

    site: Name
    gate: Name
    hub: HubSettings
    broker: BrokerSettings = BrokerSettings()
    lanes: tuple[LaneSettings, ...] = ()
    muster_points: tuple[MusterPoint, ...] = ()
    readers: Annotated[tuple[ReaderSettings, ...], msgspec.Meta(min_length=1)]
    rules: RuleSettings = RuleSettings()
    fire: FireSettings = FireSettings()
    side_gates: tuple[SideGate, ...] = ()
    screen: ScreenSettings = ScreenSettings()
    journal: JournalSettings = JournalSettings()
    clock: ClockSettings = ClockSettings()
    state_dir: str | None = None
    """Where the databases live; systemd's $STATE_DIRECTORY when left out, otherwise var/gate."""
    log_level: str = "info"
    remote_control: bool = False
    """Opens the simulator's control socket in the state folder; refused beside a real lane."""


ACTIONS = ("refuse", "warn", "off")
POLICIES = ("everybody", "seen_here", "nobody")

PINS = (
    "entry_relay_pin",
    "exit_relay_pin",
    "entry_sensor_pin",
    "exit_sensor_pin",
    "green_lamp_pin",
    "red_lamp_pin",
    "buzzer_pin",
    "entry_button_pin",
    "exit_button_pin",
)

SIGN_PINS = ("green_lamp_pin", "red_lamp_pin", "buzzer_pin")

FILES = ("coding", "keys", "layout", "scbk_file")
"""The settings of a reader that name a file."""

FRAMINGS = ("cr", "lf", "crlf", "stx-etx", "idle")
PARITIES = ("none", "even", "odd")


def load_config(path: Path) -> GateConfig:
    """Read and check a settings file. Raises SettingsError, which names file, line and key."""
    config = load(path, GateConfig)
    for problem in _problems(config):
        raise refusal(path, problem)
    return _anchored(config, path)


def _anchored(config: GateConfig, path: Path) -> GateConfig:
    """Files named in the settings are looked for beside the settings file, wherever it was called from."""

    def beside(name: str) -> str:
        return named_file(path, name)

    def readers() -> Iterator[ReaderSettings]:
        for reader in config.readers:
            named = {key: getattr(reader, key) for key in FILES if getattr(reader, key, None) is not None}
            yield replace(reader, **{key: beside(file) for key, file in named.items()})

    return replace(
        config,
        hub=replace(config.hub, verify_key=beside(config.hub.verify_key)),
        broker=anchored_broker(config.broker, path),
        readers=tuple(readers()),
    )


def state_dir(config: GateConfig) -> Path:
    """The folder of this gate's databases."""
    return Path(config.state_dir or os.environ.get("STATE_DIRECTORY") or "var/gate")


def screen_socket(config: GateConfig, place: str) -> Path:
    """Where the screens of a lane or a muster point connect: systemd's $RUNTIME_DIRECTORY, otherwise the folder of
    the databases."""
    return Path(os.environ.get("RUNTIME_DIRECTORY") or state_dir(config)) / f"screen-{place}.sock"


def _problems(config: GateConfig) -> list[str]:
    """What the types cannot say; each entry begins with the key."""
    found = broker_problems(config.broker)
    if config.log_level.lower() not in LEVELS:
        found.append(f"log_level: {config.log_level!r} is none of {', '.join(LEVELS)}")
    lanes = [lane.name for lane in config.lanes]
    readers = [reader.name for reader in config.readers]
    found += [f"lanes: two lanes are called {name!r}" for name in sorted(set(lanes)) if lanes.count(name) > 1]
    found += [f"readers: two readers are called {name!r}" for name in sorted(set(readers)) if readers.count(name) > 1]
    found += _place_problems(config)
    for place, reader in enumerate(config.readers):
        if isinstance(reader, SerialLine):
            found += [
                f"readers.{place}.{key}: {getattr(reader, key)!r} is none of {', '.join(words)}"
                for key, words in (("framing", FRAMINGS), ("parity", PARITIES))
                if getattr(reader, key) not in words
            ]
    found += _pins_used_twice(config)
    found += _lane_problems(config.lanes)
    if config.fire.loop_pin is not None and config.fire.key_pin is None:
        found.append("fire.key_pin: an evacuation could never end; wire a key switch at the gate")
    found += _rule_problems(config)
    media = ("chip", "osdp", "stripe", "qr", "uid")
    found += [
        f"rules.credentials.{key}: {word!r} is none of {', '.join(media)}"
        for key in ("entry", "exit", "entry_if_chip_seen")
        for word in getattr(config.rules.credentials, key)
        if word not in media
    ]
    if config.clock.trust not in ("ntp", "always"):
        found.append(f"clock.trust: {config.clock.trust!r} is neither `ntp` nor `always`")
    if config.remote_control and not all(isinstance(lane, VirtualLane) for lane in config.lanes):
        found.append("remote_control: the simulator's control socket may not be open beside a real lane")
    return found


def _place_problems(config: GateConfig) -> Iterator[str]:
    """Each reader stands at one side of a lane or at an assembly point, at one of them and not at both."""
    lanes = [lane.name for lane in config.lanes]
    points = [point.name for point in config.muster_points]
    if not lanes and not points:
        yield "lanes: this gate has no lane and no muster point, so there is nothing that it could do"
    for place, name in enumerate(points):
        here = f"muster_points.{place}.name"
        if name in points[:place]:
            yield f"{here}: two muster points are called {name!r}"
        if name in lanes:
            yield f"{here}: a lane is called {name!r} too; screens and events could not tell them apart"
        if not any(reader.muster_point == name for reader in config.readers):
            yield f'{here}: no reader stands at {name!r}; give one of them muster_point = "{name}"'
    for place, reader in enumerate(config.readers):
        here = f"readers.{place}"
        if reader.muster_point is None:
            yield from _lane_reader_problems(here, reader, lanes)
            continue
        for key, meant in (("lane", reader.lane), ("direction", reader.direction)):
            if meant is not None:
                yield f"{here}.{key}: a muster reader moves no turnstile; leave out {key}, or muster_point"
        if reader.muster_point not in points:
            known = f"muster points are {', '.join(points)}" if points else "there is no [[muster_points]] at all"
            yield f"{here}.muster_point: there is no muster point {reader.muster_point!r}; {known}"


def _lane_reader_problems(here: str, reader: ReaderSettings, lanes: Sequence[str]) -> Iterator[str]:
    if reader.lane is None and reader.direction is None:
        yield f"{here}.lane: reader {reader.name!r} stands nowhere; give it lane and direction, or muster_point"
        return
    if reader.lane is None:
        yield f"{here}.lane: reader {reader.name!r} has a direction, and no lane"
    elif reader.lane not in lanes:
        yield f"{here}.lane: there is no lane {reader.lane!r}; lanes are {', '.join(lanes)}"
    if reader.direction is None:
        yield f"{here}.direction: reader {reader.name!r} has a lane, and no direction (`entry` or `exit`)"
    elif reader.direction not in ("entry", "exit"):
        yield f"{here}.direction: {reader.direction!r} is neither `entry` nor `exit`"


def warnings(config: GateConfig) -> list[str]:
    """What may be meant so, and is worth a look; each begins with the key."""
    found = []
    real = [lane for lane in config.lanes if isinstance(lane, GpioLane)]
    if real and config.fire.loop_pin is None:
        found.append("fire.loop_pin: no fire input is wired to this gate; see docs/wiring.md")
    for place, lane in enumerate(config.lanes):
        if isinstance(lane, GpioLane) and lane.fails == "safe" and config.fire.loop_pin is None:
            found.append(f"lanes.{place}.fails: lane {lane.name!r} is free when power is lost, and not on a fire")
    return found


def _rule_problems(config: GateConfig) -> Iterator[str]:
    rules = config.rules
    for key in ("already_inside", "outside_hours", "short_rest", "untrusted_clock", "hub_away", "manual_pass"):
        if getattr(rules, key) not in ACTIONS:
            yield f"rules.{key}: {getattr(rules, key)!r} is none of {', '.join(ACTIONS)}"
    yield from _crowd_problems(rules)
    for key in ("ageing_list", "stale_list"):
        if getattr(rules, key) not in POLICIES:
            yield f"rules.{key}: {getattr(rules, key)!r} is none of {', '.join(POLICIES)}"
    if rules.ageing_after_h > rules.stale_after_h:
        yield "rules.ageing_after_h: is above stale_after_h"
    if rules.break_h >= rules.rest_h:
        yield "rules.break_h: a break is shorter than rest_h"
    times = [("rules.inside_reset", rules.inside_reset)]
    for place, hours in enumerate(rules.hours):
        here = f"rules.hours.{place}"
        times += [(f"{here}.opens", hours.opens), (f"{here}.closes", hours.closes)]
        yield from (f"{here}.days: {day!r} is none of {', '.join(DAYS)}" for day in hours.days if day not in DAYS)
        known = {lane.name for lane in config.lanes}
        yield from (f"{here}.lanes: there is no lane {name!r}" for name in hours.lanes if name not in known)
    for key, text in times:
        try:
            if text is not None:
                time_of_day(text)
        except ValueError:
            yield f"{key}: {text!r} is no time of day; write it as 06:30"


def _crowd_problems(rules: RuleSettings) -> Iterator[str]:
    actions = [(f"rules.occupancy.{place}", one.action) for place, one in enumerate(rules.occupancy)]
    actions += [(f"rules.cover.{place}", one.action) for place, one in enumerate(rules.cover)]
    for where, action in actions:
        if action not in ACTIONS:
            yield f"{where}.action: {action!r} is none of {', '.join(ACTIONS)}"
    for place, limit in enumerate(rules.occupancy):
        if limit.warn_at is not None and limit.warn_at > limit.limit:
            yield f"rules.occupancy.{place}.warn_at: is above the limit"


def _lane_problems(lanes: Sequence[LaneSettings]) -> Iterator[str]:
    for place, lane in enumerate(lanes):
        if not isinstance(lane, GpioLane):
            continue
        if lane.entry_relay_pin is None and lane.exit_relay_pin is None:
            yield f"lanes.{place}.entry_relay_pin: lane {lane.name!r} has no relay at all"
        for key, words in (("fails", ("secure", "safe")), ("sensor", ("direction", "beams"))):
            if getattr(lane, key) not in words:
                yield f"lanes.{place}.{key}: {getattr(lane, key)!r} is none of {', '.join(words)}"
        if lane.sensor == "beams" and (lane.entry_sensor_pin is None or lane.exit_sensor_pin is None):
            yield f"lanes.{place}.sensor: beams needs entry_sensor_pin, the outer beam, and exit_sensor_pin, the inner"


def _pins_used_twice(config: GateConfig) -> Iterator[str]:
    used: dict[int, str] = {}
    for where, pin, what in _pins(config):
        if pin in used:
            yield f"{where}: pin {pin} is {used[pin]} already"
        else:
            used[pin] = what


def _pins(config: GateConfig) -> Iterator[tuple[str, int, str]]:
    """Every pin that is asked for: the key that does, the pin, and what it is for."""
    asked: list[tuple[str, int | None, str]] = []
    for place, lane in enumerate(config.lanes):
        if isinstance(lane, GpioLane):
            asked += [(f"lanes.{place}.{key}", getattr(lane, key), f"{key} of lane {lane.name!r}") for key in PINS]
    for place, point in enumerate(config.muster_points):
        here, whose = f"muster_points.{place}", f"muster point {point.name!r}"
        asked += [(f"{here}.{key}", getattr(point, key), f"{key} of {whose}") for key in SIGN_PINS]
    for place, reader in enumerate(config.readers):
        if isinstance(reader, Pn532Reader):
            asked.append((f"readers.{place}.reset_pin", reader.reset_pin, f"reset_pin of reader {reader.name!r}"))
    asked += [("fire.loop_pin", config.fire.loop_pin, "fire.loop_pin")]
    asked += [("fire.key_pin", config.fire.key_pin, "fire.key_pin")]
    for place, gate in enumerate(config.side_gates):
        asked.append((f"side_gates.{place}.pin", gate.pin, f"side gate {gate.name!r}"))
    for where, pin, what in asked:
        if pin is not None:
            yield where, pin, what
