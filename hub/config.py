"""The hub's settings: one TOML file (`config/hub.toml` is the documented example).

A unit stands in every name. Unknown keys are refused.
"""

import os
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from gate.zones import GROUP_PATTERN
from hub.permits import USUAL, Action, QualificationRule, Requirements
from hub.presence import ClosingRule
from hub.register_settings import CardRegisterSettings, CompanySettings, card_register_problems
from hub.retention import Limits
from portvakt.credentials import named_file
from portvakt.errors import SettingsError
from portvakt.link import BrokerSettings, anchored_broker, broker_problems
from portvakt.logs import LEVELS
from portvakt.settings import Settings, load, refusal, zone_named

S = TypeVar("S", bound=Settings)
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class HubBroker(BrokerSettings, frozen=True, kw_only=True):
    """The broker, and whether the hub brings its own."""

    embedded: bool = False
    """The hub itself listens on host:port, for trying things out. A site runs Mosquitto."""


class ListSettings(Settings, frozen=True, kw_only=True):
    """The permit list as it is offered to the gates."""

    valid_h: Annotated[float, msgspec.Meta(gt=0, le=24 * 365)] = 168.0
    """How long a gate may go on with the list without hearing from the hub."""
    heartbeat_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 60.0
    """How often the head of the list is signed anew: it tells the gates "still so"."""


class CloneSettings(Settings, frozen=True, kw_only=True):
    """When a card is suspected to exist twice."""

    least_walk_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 20.0
    """Nobody gets from one gate to another sooner."""


class IngestSettings(Settings, frozen=True, kw_only=True):
    """Who takes in what the gates send."""

    shared: bool = False
    """The hub and any number of `hub run --ingest` share it; needs `database`, and a broker with shared
    subscriptions."""


class PresenceSettings(Settings, frozen=True, kw_only=True):
    """When a forgotten check-out is closed."""

    close_at: str = "03:00"
    """The hour, by the clocks of `time_zone`; `never` closes nothing."""
    close_after_h: Annotated[float, msgspec.Meta(ge=1, le=24 * 14)] = 12.0
    """Only for whoever was seen last so long before."""
    time_zone: str = "Europe/Oslo"


class RetentionSettings(Settings, frozen=True, kw_only=True):
    """How long what is known about people is kept."""

    passages_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 90
    """Passages, badges, words of the office: all that tells when somebody was where."""
    musters_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 365
    """Who was inside at an evacuation."""
    work_ended: str | None = None
    """The day on which the work ended, YYYY-MM-DD: the list of § 15 goes six months after it."""


class PostgresAddress(Settings, frozen=True, kw_only=True):
    """Where a PostgreSQL database is: `postgresql://USER@HOST/DATABASE`, and the file with the password."""

    url: str
    password_file: str | None = None


class SourceSettings(Settings, frozen=True, kw_only=True):
    """Where `hub crew pull` and `hub crew watch` find lists: a folder, an address, or a topic at a broker."""

    folder: str | None = None
    url: str | None = None
    topic: str | None = None
    """Of MQTT: its newest message is the list, in JSON."""
    broker: BrokerSettings | None = None
    """Where the topic is; the site's own broker when left out."""
    public_key_file: str | None = None
    """Of who signs the lists that come over MQTT: then no other list is taken."""
    kind: Literal["csv", "xlsx", "json"] | None = None
    """What the address gives; told by its answer, or by its ending, when left out."""
    authorization_file: str | None = None
    """Holds the header Authorization, such as `Bearer …`; mode 0600."""
    ca_file: str | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 60.0
    every_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 60.0
    """How often `hub crew watch` looks into the folder, or at the address."""


class CrewSettings(Settings, frozen=True, kw_only=True):
    """How crew lists look here, and what they may do."""

    columns: dict[str, str] = msgspec.field(default_factory=dict)
    """Our name of a column: the name that it has in the lists of this site."""
    ignore: tuple[str, ...] = ()
    """Columns of the lists that nothing here needs."""
    sheet: str | None = None
    """Of a workbook; its first one when left out."""
    may_remove: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.2
    """A list that takes more than this share of the cards off is refused."""
    keep_lists: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 5
    """To how many earlier lists one can go back."""
    source: SourceSettings = SourceSettings()


Word = Annotated[str, msgspec.Meta(pattern=GROUP_PATTERN)]


class QualificationSettings(Settings, frozen=True, kw_only=True):
    """One qualification, and who needs it."""

    kind: Word
    action: Action = "refuse"
    groups: tuple[Word, ...] = ()
    """Who needs it; everybody when left out."""


class RequirementSettings(Settings, frozen=True, kw_only=True):
    """What a worker needs at this site: each refuses, warns or is off."""

    card_valid: Action = USUAL.card_valid
    crew_list: Action = USUAL.crew_list
    company_approved: Action = USUAL.company_approved
    company_registered: Action = USUAL.company_registered
    startbank: Action = USUAL.startbank
    chain_level: Action = USUAL.chain_level
    chain_level_max: Annotated[int, msgspec.Meta(ge=0, le=20)] = USUAL.chain_level_max
    induction: Action = USUAL.induction
    qualifications: tuple[QualificationSettings, ...] = ()


class EnrolmentSettings(Settings, frozen=True, kw_only=True):
    """How gates get their certificates, and where the broker is for them."""

    host: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$")] | None = None
    """The name or address by which the gates reach the broker."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 8883
    join_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 8884
    token_valid_h: Annotated[float, msgspec.Meta(gt=0, le=24 * 90)] = 72.0
    certificate_valid_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 365
    """Of a gate's certificate. It is renewed when two thirds of that are over."""
    broker_dir: str | None = None
    """Where `hub broker-config` has written: `hub revoke` renews the list of revoked certificates there."""
    restart_broker: str | None = None
    """The command that `hub revoke` runs then, such as `systemctl restart mosquitto`: whoever was revoked is thrown
    out by it, all others are back within seconds."""


class List15Settings(Settings, frozen=True, kw_only=True):
    """What the list of byggherreforskriften § 15 has to say of the site itself."""

    name: str = ""
    address: str = ""
    client: str = ""
    """Who has the work done (byggherre)."""


class ConsoleWebSettings(Settings, frozen=True, kw_only=True):
    """The console in a browser: `hub console --web`."""

    host: str = "127.0.0.1"
    """Any other needs a password, or a proxy in front that asks for one."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 8471
    password_file: str | None = None
    """Holds what browsers are asked for; the user's name does not matter."""
    behind_proxy: bool = False
    """Somebody else lets only those through who may."""
    public_url: str | None = None
    """What browsers have to call it, where that is another address than host and port: that of a proxy."""


User = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class ConsoleSettings(Settings, frozen=True, kw_only=True):
    """Who may do what at `hub console`, by their names in the operating system, and how it looks."""

    managers: tuple[User, ...] = ()
    guards: tuple[User, ...] = ()
    viewers: tuple[User, ...] = ()
    inspectors: tuple[User, ...] = ()
    everybody_else: Literal["viewer", "guard", "manager", "inspector"] = "viewer"
    language: Literal["nb", "en"] | None = None
    """That of the terminal when left out."""
    theme: Literal["dark", "light"] = "dark"
    print_command: tuple[str, ...] = ()
    """What prints a PDF from its standard input, such as ["lp"]; without it the muster is saved as a file."""
    waiting_days: Annotated[float, msgspec.Meta(gt=0, le=60)] = 2.0
    """Of how many days those are shown who asked to come in."""
    web: ConsoleWebSettings = ConsoleWebSettings()


class ReportSettings(Settings, frozen=True, kw_only=True):
    """What reports are written in, and what they are held against."""

    language: Literal["nb", "en"] = "nb"
    skilled_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    """How many of all hours the contract asks of skilled workers; Oslo's, unless it says otherwise."""
    apprentice_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.1
    roles: dict[str, Literal["skilled", "apprentice", "unskilled", "training", "other"]] = msgspec.field(
        default_factory=dict
    )
    """What the crew lists' own words for a role count as; `other` is work that is in no share."""


class TargetSettings(Settings, frozen=True, kw_only=True):
    """A central system that is told what happens here. `kind` is one of `hub.central.registry`."""

    name: Name
    kind: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    since: str | None = None
    """The day from which on it is told, YYYY-MM-DD; from when the hub first knew of it, when left out."""
    deadline_min: Annotated[float, msgspec.Meta(gt=0, le=60 * 24 * 31)] = 60.0
    """When something has waited so long for it, there is an alarm; before the contract's own deadline."""
    wait_for_clock_min: Annotated[float, msgspec.Meta(ge=0, le=60 * 24)] = 30.0
    """How long something is kept back that a gate saw before its clock was set: most gates can tell soon after."""
    attempts: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    """After so many failures of one record, while others go through, it is set aside."""
    settings: dict[str, Any] = msgspec.field(default_factory=dict)
    """What this kind of target wants to know."""


class NeighbourSettings(Settings, frozen=True, kw_only=True):
    """Another system at the site that knows of people coming and going. `kind` is one of `hub.central.registry`."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,38}$")]
    kind: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    every_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 60.0
    """How often it is asked."""
    delivers_to_hmsreg: bool = False
    """It tells HMSREG itself of what it sees: then nothing else may, for the same site."""
    settings: dict[str, Any] = msgspec.field(default_factory=dict)
    """What this kind of source wants to know."""


BLOCKS = "blocks"
"""The kind of a source that is other hubs, and tells whom they have blocked for all sites."""


class AllSitesSettings(Settings, frozen=True, kw_only=True):
    """What the hubs of our sites tell one another."""

    publish: dict[str, Any] | None = None
    """The central broker that this hub tells its blocks for all sites; nobody hears of them when left out."""


class ConfirmationSettings(Settings, frozen=True, kw_only=True):
    """People who have to confirm again and again where they are, as safety-critical personnel at the railway."""

    group: Word | None = None
    """Of the crew list; nobody when left out."""
    within_min: Annotated[float, msgspec.Meta(gt=0, le=24 * 60)] = 60.0
    """How long after coming, or after the last confirmation, the next one is due."""


class HubConfig(Settings, frozen=True, kw_only=True):
    """The whole file."""

    site: Name
    broker: HubBroker = HubBroker()
    list: ListSettings = ListSettings()
    clones: CloneSettings = CloneSettings()
    crew: CrewSettings = CrewSettings()
    requirements: RequirementSettings = RequirementSettings()
    enrolment: EnrolmentSettings = EnrolmentSettings()
    ingest: IngestSettings = IngestSettings()
    presence: PresenceSettings = PresenceSettings()
    retention: RetentionSettings = RetentionSettings()
    list15: List15Settings = List15Settings()
    card_register: CardRegisterSettings = CardRegisterSettings()
    companies: CompanySettings = CompanySettings()
    reports: ReportSettings = ReportSettings()
    targets: tuple[TargetSettings, ...] = ()
    sources: tuple[NeighbourSettings, ...] = ()
    all_sites: AllSitesSettings = AllSitesSettings()
    confirmations: ConfirmationSettings = ConfirmationSettings()
    console: ConsoleSettings = ConsoleSettings()
    state_dir: str | None = None
    """Where the database lives; systemd's $STATE_DIRECTORY when left out, otherwise var/hub."""
    database: str | None = None
    """`postgresql://USER@HOST/DATABASE`; a file of SQLite in the state folder when left out."""
    database_password_file: str | None = None
    signing_key: str | None = None
    """The site's private key, PEM, mode 0600; `signing-key.pem` in the state folder when left out."""
    log_level: str = "info"


NEVER = "never"

SEARCHED = ("/etc/portvakt/hub.toml", "config/hub.toml")
"""Where the settings are looked for when neither --config nor $PORTVAKT_HUB_CONFIG names a file."""


def load_config(path: Path) -> HubConfig:
    """Read and check a settings file. Raises SettingsError, which names file, line and key."""
    config = load(path, HubConfig)
    for problem in _problems(config):
        raise refusal(path, problem)
    # Files named in the settings are looked for beside the settings file, wherever the hub was called from.
    return replace(
        config,
        broker=anchored_broker(config.broker, path),
        signing_key=named_file(path, config.signing_key) if config.signing_key else None,
        database_password_file=named_file(path, config.database_password_file)
        if config.database_password_file
        else None,
        enrolment=replace(
            config.enrolment,
            broker_dir=named_file(path, config.enrolment.broker_dir) if config.enrolment.broker_dir else None,
        ),
        crew=replace(config.crew, source=_anchored_source(config.crew.source, path)),
        card_register=_anchored(config.card_register, path, "secret_file", "ca_file"),
        companies=_anchored(config.companies, path, "ca_file"),
        console=replace(config.console, web=_anchored_web(config.console.web, path)),
    )


def _anchored(settings: S, path: Path, *names: str) -> S:
    files = {name: named_file(path, file) for name in names if (file := getattr(settings, name))}
    return replace(settings, **files)


def _anchored_source(source: SourceSettings, path: Path) -> SourceSettings:
    anchored = _anchored(source, path, "authorization_file", "ca_file", "public_key_file")
    return replace(
        anchored,
        folder=str(path.parent / source.folder) if source.folder else None,
        broker=anchored_broker(source.broker, path) if source.broker else None,
    )


def _anchored_web(web: ConsoleWebSettings, path: Path) -> ConsoleWebSettings:
    return replace(web, password_file=named_file(path, web.password_file)) if web.password_file else web


def requirements_of(settings: RequirementSettings) -> Requirements:
    """The settings as the rules see them."""
    rules = [QualificationRule(rule.kind, rule.action, rule.groups) for rule in settings.qualifications]
    fields = {name: getattr(settings, name) for name in settings.__struct_fields__}
    return Requirements(**fields | {"qualifications": tuple(rules)})


class _Rules(Settings, frozen=True, kw_only=True):
    """A file of requirements alone."""

    requirements: RequirementSettings


def requirements_in(file: Path) -> Requirements:
    """The `[requirements]` of a file that holds nothing else. Raises SettingsError."""
    return requirements_of(load(file, _Rules).requirements)


def find_config() -> Path:
    """The settings file to use when the command line names none. Raises SettingsError when there is none."""
    if named := os.environ.get("PORTVAKT_HUB_CONFIG"):
        return Path(named)
    for place in map(Path, SEARCHED):
        if place.is_file():
            return place
    raise SettingsError(
        f"no settings file: looked for {' and '.join(SEARCHED)}; name one with --config or $PORTVAKT_HUB_CONFIG"
    )


def state_dir(config: HubConfig) -> Path:
    """The folder of what the hub keeps on this machine."""
    return Path(config.state_dir or os.environ.get("STATE_DIRECTORY") or "var/hub")


def database(config: HubConfig) -> Path | PostgresAddress:
    """The hub's database: a file of SQLite unless the settings name a PostgreSQL."""
    if config.database is None:
        return state_dir(config) / "hub.sqlite3"
    return PostgresAddress(url=config.database, password_file=config.database_password_file)


def signing_key_file(config: HubConfig) -> Path:
    return Path(config.signing_key) if config.signing_key else state_dir(config) / "signing-key.pem"


def authority_file(config: HubConfig) -> Path:
    """The key and certificate of the site's own authority."""
    return state_dir(config) / "authority.pem"


def identity_file(config: HubConfig) -> Path:
    """The hub's own certificate and its key."""
    return state_dir(config) / "hub.pem"


def closing_rule(settings: PresenceSettings) -> ClosingRule | None:
    """The rule that the settings ask for; None when check-outs are never closed. Raises SettingsError."""
    zone = time_zone(settings)
    if settings.close_at == NEVER:
        return None
    try:
        at = time.fromisoformat(settings.close_at)
    except ValueError:
        at = None
    if at is None or at.tzinfo is not None:
        raise SettingsError(f"presence.close_at: {settings.close_at!r} is neither an hour such as 03:00 nor {NEVER}")
    return ClosingRule(at, zone, int(settings.close_after_h * 3_600_000))


def limits(config: HubConfig) -> Limits:
    """What the settings say of retention. Raises SettingsError."""
    said = config.retention
    try:
        ended = date.fromisoformat(said.work_ended) if said.work_ended is not None else None
    except ValueError as wrong:
        raise SettingsError(
            f"retention.work_ended: {said.work_ended!r} is not a date; write it as 2027-06-30"
        ) from wrong
    return Limits(said.passages_days, said.musters_days, ended, time_zone(config.presence))


def time_zone(settings: PresenceSettings) -> ZoneInfo:
    """The site's clocks. Raises SettingsError."""
    return zone_named(settings.time_zone, "presence.time_zone")


def _problems(config: HubConfig) -> list[str]:
    """What the types cannot say; each entry begins with the key."""
    found = []
    if config.log_level.lower() not in LEVELS:
        found.append(f"log_level: {config.log_level!r} is none of {', '.join(LEVELS)}")
    found += broker_problems(config.broker)
    found += _database_problems(config)
    if config.enrolment.port == config.enrolment.join_port:
        found.append("enrolment.join_port: the same as enrolment.port; the broker listens on two")
    if config.ingest.shared and config.database is None:
        found.append("ingest.shared: several processes need a PostgreSQL; set database")
    if config.ingest.shared and config.broker.embedded:
        found.append("ingest.shared: the built-in broker has no shared subscriptions; run Mosquitto")
    if config.list.valid_h * 3600 < config.list.heartbeat_s * 2:
        found.append("list.valid_h: shorter than two heartbeats, so the gates' list would expire between them")
    try:
        closing_rule(config.presence)
        limits(config)
    except SettingsError as wrong:
        found.append(str(wrong))
    found += card_register_problems(config.card_register)
    found += _crew_source_problems(config.crew.source)
    found += _target_problems(config)
    found += _neighbour_problems(config)
    if not (
        is_loopback(config.console.web.host) or config.console.web.password_file or config.console.web.behind_proxy
    ):
        found.append(
            "console.web.host: others can reach it; set password_file, or behind_proxy = true if a proxy asks for one"
        )
    if config.broker.embedded and config.broker.ca_file:
        found.append("broker.embedded: the built-in broker speaks plain TCP; leave ca_file out, or run Mosquitto")
    return found


def _crew_source_problems(source: SourceSettings) -> list[str]:
    found = []
    if source.folder and source.url:
        found.append("crew.source.folder: there is a url as well; one of the two")
    if source.topic is not None and (source.folder or source.url):
        found.append("crew.source.topic: there is a folder or a url as well; one of them")
    if source.url and not _is_private(source.url):
        found.append("crew.source.url: must begin with https:// (a list holds people); http:// only to this machine")
    if source.topic is not None and (not 0 < len(source.topic) <= _MAX_TOPIC or set(source.topic) & set("+#\0")):
        found.append("crew.source.topic: is the name of one topic, without + and #")
    if source.topic is None and (source.broker is not None or source.public_key_file is not None):
        key = "broker" if source.broker is not None else "public_key_file"
        found.append(f"crew.source.{key}: is for lists that come over MQTT; set topic")
    if source.broker is not None:
        found += [f"crew.source.{problem}" for problem in broker_problems(source.broker)]
        if not (source.broker.ca_file or source.public_key_file or is_loopback(source.broker.host)):
            found.append(
                "crew.source.broker.ca_file: on the way to another broker anybody could change the list; "
                "set it (TLS), or public_key_file, and have the lists signed"
            )
    return found


_MAX_TOPIC = 200


def warnings(config: HubConfig) -> list[str]:
    """What works, and should not be so."""
    return [*_strangers(config), *_twice_told(config)]


def _strangers(config: HubConfig) -> list[str]:
    """Sources of which a target is to be told, and which are not there."""
    found, known = [], {one.name for one in config.sources}
    for target in config.targets:
        named = target.settings.get("reported_from")
        # What else may be wrong with it is told by the target itself.
        for name in named if isinstance(named, list) else ():
            if isinstance(name, str) and name not in known:
                key = f"targets.{target.name}.settings.reported_from"
                found.append(f"{key}: {name!r} is the name of no [[sources]]; nothing is told from there")
    return found


def _twice_told(config: HubConfig) -> list[str]:
    ours = [one.name for one in config.targets if one.kind.startswith("hmsreg")]
    deliver = [f"this hub ([[targets]] {', '.join(ours)})"] if ours else []
    deliver += [f"{one.name} ([[sources]], delivers_to_hmsreg)" for one in config.sources if one.delivers_to_hmsreg]
    if len(deliver) < 2:
        return []
    return [f"HMSREG is told by {' and by '.join(deliver)}: every passage would count twice; exactly one system may"]


def _target_problems(config: HubConfig) -> list[str]:
    names = [one.name for one in config.targets]
    found = []
    for place, one in enumerate(config.targets):
        # Two couriers on one queue: each would be told what is the other's.
        if one.name in names[:place]:
            found.append(f"targets.{place}.name: there are two of {one.name!r}")
        try:
            date.fromisoformat(one.since or "2026-11-01")
        except ValueError:
            found.append(f"targets.{place}.since: {one.since!r} is not a date; write it as 2026-11-01")
    return found


_OURS = ("office", "hub")
"""Names of streams that are the hub's own."""


def _neighbour_problems(config: HubConfig) -> list[str]:
    names = [one.name for one in config.sources]
    found = []
    for place, name in enumerate(names):
        if name in _OURS:
            found.append(f"sources.{place}.name: {name!r} is what this hub calls its own; choose another")
        if name in names[:place]:
            found.append(f"sources.{place}.name: there are two of {name!r}")
    return found


def _database_problems(config: HubConfig) -> list[str]:
    if config.database is None:
        return ["database_password_file: SQLite has no password; set database too"] * bool(
            config.database_password_file
        )
    try:
        address = urlsplit(config.database)
        known = address.scheme in ("postgresql", "postgres") and len(address.path) > 1 and (address.port or 1)
    except ValueError:
        known = False
    if not known:
        return ["database: not of the form postgresql://USER@HOST/DATABASE"]
    if address.password or "password=" in address.query:
        return ["database: holds a password; put it into a file of its own, and name that in database_password_file"]
    return []


def _is_private(url: str) -> bool:
    """Whether nobody on the way can read or change what comes from there."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host or "")))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    return host in _THIS_MACHINE


_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
