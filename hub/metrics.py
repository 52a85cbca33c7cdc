"""The hub's numbers as Prometheus reads them: names, units, labels. Pure but for the library that writes them.

Times are Unix seconds, and never ages: who reads reckons from its own clock. A counter only grows as long as the
database lives. What a gate says of itself is bounded before it becomes a label (P11), and no label is about a person.
"""

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from hub.central.overview import TargetLine
from hub.numbers import GateNumbers, Numbers
from hub.presence import ENTRY, EXIT, Sure
from hub.tally import BADGE_REFUSED, BADGES, NONE, OTHER, PASSAGES, REASONS, Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
UP = "portvakt_up"
MAX_GATES = 500
MAX_ZONES = 100
MAX_OF_GATE = 50
"""Readers, lanes and alarms of one gate."""
MAX_LABEL = 80
READER_STATES = ("starting", "ok", "absent", "hung", "faulty", "tampered")
LANE_MODES = ("normal", "locked", "held_open", "free", "out_of_order", "evacuated")
"""The gate's own words. A test holds them against its enumerations."""
DELIVERY_STATES = ("waiting", "queued", "later", "accepted", "aside")

_UP_HELP = "1 when the hub's database answered this scrape."
_SURE = tuple(one.value for one in Sure if one is not Sure.CLOSED_BY_RULE)
Samples = dict[tuple[str, ...], float]
Family: TypeAlias = GaugeMetricFamily | CounterMetricFamily


def _badge(tally: Tally) -> tuple[str, str, str]:
    return "refused" if tally.kind == BADGE_REFUSED else "granted", tally.direction, tally.reason


def _passage(tally: Tally) -> tuple[str, str]:
    return tally.kind.removeprefix("passage."), tally.direction


# What may be expected is there from the beginning, at 0: the first of its kind would be no increase otherwise.
_NO_BADGES: Samples = {
    **{("granted", way, "granted"): 0 for way in (ENTRY, EXIT)},
    **{("refused", ENTRY, reason): 0 for reason in REASONS if reason != "granted"},
}
_NO_PASSAGES: Samples = {_passage(Tally(kind, way, NONE)): 0 for kind in PASSAGES for way in (ENTRY, EXIT)}


def exposition(numbers: Numbers) -> bytes:
    """All of it, in the text format 0.0.4."""
    return _written(families(numbers))


def nothing() -> bytes:
    """What is left to say when the database does not answer."""
    return _written([_gauge(UP, _UP_HELP, (), {(): 0})])


def families(numbers: Numbers) -> Iterator[Family]:
    """Every metric, with its samples; one without samples is there all the same."""
    yield _gauge(UP, _UP_HELP, (), {(): 1})
    told = {"site": numbers.site, "version": version("portvakt"), "database": numbers.database}
    yield _gauge("portvakt_build_info", "Which hub this is; always 1.", tuple(told), {tuple(told.values()): 1})
    yield from _people(numbers)
    yield from _events(numbers)
    yield from _list(numbers)
    yield from _gates(numbers.gates[:MAX_GATES], numbers)
    yield from _deliveries(numbers.targets)
    yield from _house(numbers)


def _people(numbers: Numbers) -> Iterator[Family]:
    inside: dict[tuple[str, ...], float] = {("site", sure): 0 for sure in _SURE}
    zones = sorted({zone for zone, _ in numbers.inside})[:MAX_ZONES]
    for (zone, sure), count in numbers.inside.items():
        place = (_label(zone) if zone in zones else OTHER, sure)
        inside[place] = inside.get(place, 0) + count
    yield _gauge(
        "portvakt_people_inside",
        "People inside, each in one zone only. certainty: confirmed by a gate, assumed by a clock "
        "nobody set, manual, reported by another system.",
        ("zone", "certainty"),
        inside,
    )
    yield _gauge("portvakt_muster_running", "1 while an evacuation's roll call runs.", (), {(): numbers.mustering})


def _events(numbers: Numbers) -> Iterator[Family]:
    counters = numbers.counters
    yield _counter("portvakt_events", "Records of gates' journals that were stored.", (), {(): counters["events"]})
    yield _counter(
        "portvakt_events_repeated", "Records that came again and were stored once.", (), {(): counters["repeated"]}
    )
    yield _counter(
        "portvakt_messages_rejected", "What could not be understood, and was kept aside.", (),
        {(): counters["rejected"]},
    )  # fmt: skip
    yield _counter(
        "portvakt_event_conflicts", "Records that claimed a place where another one stands.", (),
        {(): counters["conflicts"]},
    )  # fmt: skip
    yield _counter(
        "portvakt_badges",
        "Cards shown, as their records arrived; what came before this hub counted them is not in it.",
        ("outcome", "direction", "reason"),
        _NO_BADGES | {_badge(tally): count for tally, count in numbers.tallies.items() if tally.kind in BADGES},
    )
    yield _counter(
        "portvakt_passages",
        "Bodies through a lane, or not, as their records arrived: completed, abandoned, forced, tailgated, free.",
        ("outcome", "direction"),
        _NO_PASSAGES | {_passage(tally): count for tally, count in numbers.tallies.items() if tally.kind in PASSAGES},
    )
    shown = {one.line.gate for one in numbers.gates[:MAX_GATES]}
    today = {(gate, tally): count for (gate, tally), count in numbers.today.items() if gate in shown}
    yield _gauge(
        "portvakt_badges_today",
        "Cards shown since the site's day began, by the gates' clocks.",
        ("gate", "outcome", "direction", "reason"),
        {(gate, *_badge(tally)): count for (gate, tally), count in today.items() if tally.kind in BADGES},
    )
    yield _gauge(
        "portvakt_passages_today",
        "Bodies through a lane, or not, since the site's day began, by the gates' clocks.",
        ("gate", "outcome", "direction"),
        {(gate, *_passage(tally)): count for (gate, tally), count in today.items() if tally.kind in PASSAGES},
    )


def _list(numbers: Numbers) -> Iterator[Family]:
    known = numbers.list
    yield _gauge("portvakt_list_revision", "Of the permit list; 0 before the first.", (), {(): known.revision})
    yield _gauge("portvakt_list_permits", "Permits on it.", (), {(): known.permits})
    yield _gauge("portvakt_list_made_timestamp_seconds", "When it was made.", (), _time(known.made_ms))
    yield _gauge(
        "portvakt_list_at_gates_timestamp_seconds", "When the last gate on line had it; absent until then.", (),
        _time(known.at_gates_ms),
    )  # fmt: skip


def _gates(gates: Iterable[GateNumbers], numbers: Numbers) -> Iterator[Family]:
    all_of_them = list(gates)
    told = [(one.line.gate, one.status) for one in all_of_them if one.status is not None]
    lines = {one.line.gate: one.line for one in all_of_them}

    def of_status(name: str, described: str, values: Iterable[tuple[str, float]]) -> Family:
        return _gauge(name, described, ("gate",), {(gate,): value for gate, value in values})

    yield _gauge("portvakt_gates", "Gates that ever spoke to this hub.", (), {(): len(numbers.gates)})
    yield _gauge(
        "portvakt_gate_info", "The gate's version; always 1.", ("gate", "version"),
        {(gate, _label(status.version)): 1 for gate, status in told},
    )  # fmt: skip
    yield of_status(
        "portvakt_gate_online", "1 while the broker has the gate.", ((gate, one.online) for gate, one in told)
    )
    yield _gauge(
        "portvakt_gate_last_status_timestamp_seconds", "When the gate said last how it is.", ("gate",),
        {(gate,): line.seen_ms / 1000 for gate, line in lines.items() if line.seen_ms is not None},
    )  # fmt: skip
    yield of_status(
        "portvakt_gate_list_revision",
        "Of the list that the gate holds.",
        ((gate, one.list_revision) for gate, one in told),
    )
    yield of_status(
        "portvakt_gate_list_behind",
        "1 when the gate's list is not this hub's current one.",
        (
            (
                gate,
                (one.list_revision, one.list_digest or numbers.list.digest)
                != (numbers.list.revision, numbers.list.digest),
            )
            for gate, one in told
        ),
    )
    yield of_status(
        "portvakt_gate_list_confirmed_timestamp_seconds",
        "When the gate heard last from the hub that its list is current, by the gate's clock.",
        ((gate, one.list_confirmed_ms / 1000) for gate, one in told if one.list_confirmed_ms),
    )
    yield of_status(
        "portvakt_gate_unsent_events", "Records that the gate has and the hub has not acknowledged.",
        ((gate, one.unsent) for gate, one in told),
    )  # fmt: skip
    yield of_status(
        "portvakt_gate_clock_trusted", "1 when a time source has set the gate's clock.",
        ((gate, one.clock_trusted) for gate, one in told),
    )  # fmt: skip
    yield _gauge(
        "portvakt_gate_alarm", "1 for each alarm that the gate has up.", ("gate", "alarm"),
        {(gate, _label(alarm)): 1 for gate, one in told for alarm in one.alarms[:MAX_OF_GATE]},
    )  # fmt: skip
    yield _gauge(
        "portvakt_reader_state", "1 for the state that a reader is in, as its gate said last.",
        ("gate", "reader", "state"), _states(((gate, one.readers) for gate, one in told), READER_STATES),
    )  # fmt: skip
    yield _gauge(
        "portvakt_lane_mode", "1 for the mode that a lane is in, as its gate said last.",
        ("gate", "lane", "mode"), _states(((gate, one.lanes) for gate, one in told), LANE_MODES),
    )  # fmt: skip
    yield _gauge(
        "portvakt_reader_last_read_timestamp_seconds",
        "When a reader last gave a card's contents, by the gate's clock.",
        ("gate", "reader"),
        {
            (gate, _label(reader)): read_ms / 1000
            for gate, one in told
            for reader, read_ms in list(one.reader_reads_ms.items())[:MAX_OF_GATE]
            if read_ms
        },
    )
    yield _counter(
        "portvakt_gate_events", "Records of the gate's journals that were stored.", ("gate",),
        {(gate,): sum(journal.stored for journal in line.journals) for gate, line in lines.items()},
    )  # fmt: skip
    yield _gauge(
        "portvakt_gate_journal_missing_events", "Gaps: records before the newest one here that are not here.",
        ("gate",), {(gate,): sum(journal.missing for journal in line.journals) for gate, line in lines.items()},
    )  # fmt: skip
    yield _gauge(
        "portvakt_gate_journal_forked", "1 when a journal of the gate has shown a second history.", ("gate",),
        {(gate,): any(one.forked_ms is not None for one in line.journals) for gate, line in lines.items()},
    )  # fmt: skip
    yield _counter(
        "portvakt_gate_chain_breaks", "Records that do not follow the one before them.", ("gate",),
        {(gate,): line.chain_breaks for gate, line in lines.items()},
    )  # fmt: skip
    yield _counter(
        "portvakt_gate_controller_conflicts", "How often two controllers showed under the gate's name.", ("gate",),
        {(gate,): line.conflicts for gate, line in lines.items()},
    )  # fmt: skip


def _deliveries(targets: Iterable[TargetLine]) -> Iterator[Family]:
    known = [one for one in targets if one.state != "unknown"]
    yield _gauge(
        "portvakt_target_info", "A central system; always 1.", ("target", "kind"),
        {(one.name, one.kind): 1 for one in known},
    )  # fmt: skip
    yield _gauge(
        "portvakt_deliveries",
        "What a central system is to know, as long as it is kept: waiting, queued there, later (kept for its time), "
        "accepted, aside (refused).",
        ("target", "state"),
        {(one.name, state): getattr(one, state) for one in known for state in DELIVERY_STATES},
    )
    for name, described, field in (
        ("portvakt_delivery_late", "1 when the oldest has waited longer than deadline_min.", "late"),
        ("portvakt_delivery_failures", "Failures of the receiver in a row.", "failures"),
    ):
        yield _gauge(name, described, ("target",), {(one.name,): getattr(one, field) for one in known})
    yield _gauge(
        "portvakt_delivery_lag_seconds", "How long the oldest has waited that could be told.", ("target",),
        {(one.name,): one.lag_ms / 1000 for one in known},
    )  # fmt: skip
    yield _gauge(
        "portvakt_delivery_stopped", "1 when the target has stopped and wants a person.", ("target",),
        {(one.name,): one.state == "stopped" for one in known},
    )  # fmt: skip
    yield _gauge(
        "portvakt_delivery_last_accepted_timestamp_seconds", "When the receiver took something last.", ("target",),
        {(one.name,): one.accepted_ms / 1000 for one in known if one.accepted_ms is not None},
    )  # fmt: skip
    yield _gauge(
        "portvakt_delivery_missing", "What the last daily look found untold, and queued.", ("target",),
        {(one.name,): one.look.missing for one in known if one.look is not None},
    )  # fmt: skip


def _house(numbers: Numbers) -> Iterator[Family]:
    yield _gauge(
        "portvakt_alarm", "1 for each thing that the hub itself finds wrong.", ("alarm", "subject"),
        {(_label(one.name), _label(one.subject)): 1 for one in numbers.alarms},
    )  # fmt: skip
    yield _gauge("portvakt_quarantined", "Messages kept aside now; the oldest go.", (), {(): numbers.quarantined})
    yield _gauge("portvakt_database_size_bytes", "On the disk, with indexes and log.", (), {(): numbers.size_bytes})
    yield _gauge(
        "portvakt_last_purge_timestamp_seconds", "When something was last deleted because its time was over.", (),
        _time(numbers.purged_ms),
    )  # fmt: skip


def _states(told: Iterable[tuple[str, Mapping[str, str]]], known: tuple[str, ...]) -> Samples:
    """All states of everything, so that an alert can go by any of them."""
    found: dict[tuple[str, ...], float] = {}
    for gate, states in told:
        for name, state in list(states.items())[:MAX_OF_GATE]:
            now = state if state in known else OTHER
            found |= {(gate, _label(name), one): float(one == now) for one in (*known, OTHER)}
    return found


def _time(time_ms: int | None) -> Samples:
    return {} if time_ms is None else {(): time_ms / 1000}


def _label(text: str) -> str:
    return "".join(one if one.isprintable() else "�" for one in text[:MAX_LABEL])


def labels_of(family: Family) -> tuple[str, ...]:
    """The names of its labels."""
    return tuple(family._labelnames)


def _gauge(name: str, described: str, labels: tuple[str, ...], samples: Samples) -> Family:
    family = GaugeMetricFamily(name, described, labels=labels)
    for values, value in sorted(samples.items()):
        family.add_metric(values, float(value))
    return family


def _counter(name: str, described: str, labels: tuple[str, ...], samples: Samples) -> Family:
    """Its samples are called `name`_total."""
    family = CounterMetricFamily(name, described, labels=labels)
    for values, value in sorted(samples.items()):
        family.add_metric(values, float(value))
    return family


def _written(found: Iterable[Metric]) -> bytes:
    return generate_latest(_Given(found))


class _Given(Collector):
    """What was gathered already, in the shape that the library writes."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = list(found)

    def collect(self) -> Iterable[Metric]:
        return self._found
