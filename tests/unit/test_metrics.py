"""The numbers as text: names, units, labels, bounds; and what names them: dashboard, alerts, page."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import String

from gate.model import EventKind, ReaderState, Reason
from gate.turnstile import Mode
from gate.uplink.contract import Status
from hub import metrics
from hub.central.delivery import State
from hub.central.overview import AlarmLine, TargetLine
from hub.metrics import (
    LANE_MODES,
    MAX_GATES,
    MAX_LABEL,
    MAX_OF_GATE,
    READER_STATES,
    exposition,
    families,
    labels_of,
    nothing,
)
from hub.metrics_server import Address, address
from hub.numbers import GateNumbers, ListNumbers
from hub.presence import Sure
from hub.queries import COUNTERS, GateLine
from hub.store import schema
from hub.tally import BADGES, PASSAGES, REASONS, Tally, tally_named, tally_of
from tests.sim.watched import NOTHING

ROOT = Path(__file__).parents[2]


def parsed(text: bytes) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text.decode())}


def gate(name: str, **said: Any) -> GateNumbers:
    line = GateLine(name, True, 1, "", 1, 0, True, (), {}, {}, (), 0, None, 0, {}, 0, {})
    return GateNumbers(line, Status(name, "one", online=True, **said))


def test_the_words_are_the_gates_own() -> None:
    assert {str(one) for one in Reason} == REASONS
    assert {str(one) for one in ReaderState} == set(READER_STATES)
    assert {str(one) for one in Mode} == set(LANE_MODES)
    kinds = {str(one) for one in EventKind}
    assert set(BADGES) == {one for one in kinds if one.startswith("badge.")}
    assert set(PASSAGES) == {one for one in kinds if one.startswith("passage.")}
    assert set(metrics.DELIVERY_STATES) == {str(one) for one in State} - {"given_up"} | {"later"}


def test_every_counter_fits_into_its_column_and_is_read_back() -> None:
    column = schema.counters.c.name.type
    assert isinstance(column, String)
    assert column.length
    ways, reasons = ("entry", "exit", None, "sideways"), (*REASONS, None, "x" * 100)
    for kind in (*BADGES, *PASSAGES):
        for tally in {tally_of(kind, way, reason) for way in ways for reason in reasons}:
            assert tally is not None
            assert len(tally.name) <= column.length
            assert tally_named(tally.name) == tally
    assert [tally_named(name) for name in COUNTERS] == [None] * len(COUNTERS)
    assert tally_of("alarm.raised", None, None) is None


@given(st.text(), st.text())
def test_p11_no_word_of_a_gate_makes_a_new_counter(direction: str, reason: str) -> None:
    for kind in (*BADGES, *PASSAGES):
        tally = tally_of(kind, direction, reason)
        assert tally is not None
        assert tally.direction in ("entry", "exit", "other")
        assert tally.reason in (*REASONS, "other", "none")


def test_names_say_what_they_count_and_in_which_unit() -> None:
    for family in families(NOTHING):
        assert re.fullmatch(r"portvakt(_[a-z]+)+", family.name)
        assert family.documentation.endswith("."), family.name
        assert not re.search(r"_(ms|minutes?|hours?|days?|percent|count|kb|mb)(_|$)", family.name), family.name
        assert ("seconds" in family.name) == family.name.endswith("_seconds"), family.name
        assert ("timestamp" in family.name) == family.name.endswith("_timestamp_seconds"), family.name
        # The text has _total behind them.
        assert not family.name.endswith("_total")
    text = exposition(NOTHING).decode()
    for name in re.findall(r"^# TYPE (\S+) counter$", text, re.MULTILINE):
        assert name.endswith("_total")
    assert "_created" not in text


def test_a_hub_that_has_seen_nothing_yet_says_so_in_numbers() -> None:
    found = parsed(exposition(NOTHING))
    assert {sample.value for sample in found["portvakt_people_inside"].samples} == {0.0}
    assert found["portvakt_list_revision"].samples[0].value == 0
    # The first refusal for a reason is an increase only where there was a 0 before.
    reasons = {one.labels["reason"] for one in found["portvakt_badges"].samples if one.labels["outcome"] == "refused"}
    assert reasons == REASONS - {"granted"}
    assert found["portvakt_list_made_timestamp_seconds"].samples == []
    assert [one.value for one in parsed(nothing())["portvakt_up"].samples] == [0.0]


NASTY = st.text(st.characters(codec="utf-8"), max_size=200)


@given(st.dictionaries(NASTY, NASTY, max_size=4), st.lists(NASTY, max_size=4), NASTY)
def test_whatever_a_gate_calls_its_things_the_text_can_be_read_back(
    named: dict[str, str], alarms: list[str], version: str
) -> None:
    told = gate("north", readers=named, lanes=named, alarms=tuple(alarms), version=version)
    reads = replace(told, status=Status("north", "one", online=True, reader_reads_ms=dict.fromkeys(named, 5)))
    found = parsed(exposition(replace(NOTHING, gates=[told])))
    shown = {one.labels["reader"] for one in found["portvakt_reader_state"].samples}
    assert all(len(one) <= MAX_LABEL and one.isprintable() for one in shown)
    assert len(found["portvakt_gate_alarm"].samples) == len({metrics._label(one) for one in alarms})
    for reader in shown:
        states = [one for one in found["portvakt_reader_state"].samples if one.labels["reader"] == reader]
        assert sum(one.value for one in states) == 1
    assert parsed(exposition(replace(NOTHING, gates=[reads])))


def test_what_has_quotes_and_lines_in_it_is_escaped() -> None:
    alarm = 'a "quoted" back\\slash'
    text = exposition(replace(NOTHING, gates=[gate("north", alarms=(alarm, "two\nlines"))])).decode()
    assert 'alarm="a \\"quoted\\" back\\\\slash"' in text
    labels = [one.labels["alarm"] for one in parsed(text.encode())["portvakt_gate_alarm"].samples]
    assert labels == [alarm, "two�lines"]


def test_p11_there_is_a_limit_to_how_much_is_said() -> None:
    many = {f"reader-{number}": "ok" for number in range(300)}
    crowd = [gate(f"gate-{number:04}", readers=many, alarms=tuple(many)) for number in range(MAX_GATES + 20)]
    today = {(f"gate-{number:04}", Tally("badge.granted", "entry", "granted")): 1 for number in range(MAX_GATES + 20)}
    zones = {(f"site/z{number}", Sure.CONFIRMED.value): 1 for number in range(500)}
    found = parsed(exposition(replace(NOTHING, gates=crowd, today=today, inside=zones)))
    assert found["portvakt_gates"].samples[0].value == MAX_GATES + 20
    assert len(found["portvakt_gate_online"].samples) == len(found["portvakt_badges_today"].samples) == MAX_GATES
    assert len(found["portvakt_gate_alarm"].samples) == MAX_GATES * MAX_OF_GATE
    people = found["portvakt_people_inside"].samples
    assert len(people) <= metrics.MAX_ZONES + 1 + len(Sure)
    assert sum(one.value for one in people) == 500


def test_a_target_that_no_hub_has_met_is_not_there_and_one_that_left_is() -> None:
    targets = [TargetLine("new", "feed", "unknown"), TargetLine("old", "feed", "left", aside=3)]
    found = parsed(exposition(replace(NOTHING, targets=targets, alarms=[AlarmLine("delivery.aside", "old", 1, "3 …")])))
    assert {one.labels["target"] for one in found["portvakt_deliveries"].samples} == {"old"}
    assert found["portvakt_alarm"].samples[0].labels == {"alarm": "delivery.aside", "subject": "old"}


def test_an_old_gate_that_proves_nothing_is_behind_by_its_revision_alone() -> None:
    known = ListNumbers(7, 2, "ab" * 32, 1, None)
    gates = [
        gate("old", list_revision=7),
        gate("older", list_revision=6),
        gate("same", list_revision=7, list_digest="ab" * 32),
        gate("astray", list_revision=7, list_digest="cd" * 32),
    ]
    found = parsed(exposition(replace(NOTHING, list=known, gates=gates)))["portvakt_gate_list_behind"].samples
    assert {one.labels["gate"] for one in found if one.value} == {"older", "astray"}


# --- what names them -------------------------------------------------------------------------------------------------

EXPOSED = {f"{family.name}_total" if family.type == "counter" else family.name: family for family in families(NOTHING)}
BOARD = json.loads((ROOT / "config" / "grafana" / "portvakt.json").read_text(encoding="utf-8"))
ALERTS = (ROOT / "config" / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")


def named(text: str) -> set[str]:
    return set(re.findall(r"\bportvakt_[a-z_]+", text))


def expressions() -> list[str]:
    return [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]


def test_the_dashboard_names_only_what_there_is() -> None:
    asked = expressions()
    assert all(named(one) for one in asked)
    assert named(" ".join(asked)) <= EXPOSED.keys()
    for variable in BOARD["templating"]["list"]:
        assert named(variable["definition"]) <= EXPOSED.keys()
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_the_panels_lie_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_the_alerts_name_only_what_there_is() -> None:
    assert named(ALERTS) <= EXPOSED.keys()
    assert named(ALERTS)
    # What an alert says of its metric must be a label that some metric has.
    assert set(re.findall(r"\$labels\.(\w+)", ALERTS)) <= {"instance", "gate", "reader", "alarm", "target", "subject"}


@pytest.mark.parametrize("where", [*expressions(), ALERTS], ids=lambda text: text[:60])
def test_what_is_selected_by_is_a_label_with_such_values(where: str) -> None:
    values = {
        "outcome": {"granted", "refused", "completed", "abandoned", "forced", "tailgated", "free"},
        "state": {*READER_STATES, *metrics.DELIVERY_STATES},
    }
    for name, inside in re.findall(r"(portvakt_[a-z_]+)\{([^}]*)\}", where):
        labels = labels_of(EXPOSED[name])
        for label, value in re.findall(r"(\w+)(?:=~|!~|!=|=)\"([^\"]*)\"", inside):
            assert label == "instance" or label in labels, (name, label)
            if label in values:
                assert set(value.split("|")) <= values[label]


def test_every_metric_is_on_the_page_and_nothing_else() -> None:
    assert EXPOSED.keys() == named(PAGE)


def test_where_to_listen() -> None:
    assert address("127.0.0.1:9464") == Address("127.0.0.1", 9464)
    assert address("[::1]:9464") == Address("::1", 9464)
    assert str(address("[::1]:9464")) == "[::1]:9464"
    assert address("[::1]:9464").loopback
    assert not address("0.0.0.0:9464").loopback
    for wrong in ("9464", ":9464", "localhost:9464", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ""):
        with pytest.raises(ValueError, match=r"."):
            address(wrong)
