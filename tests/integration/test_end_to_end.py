"""One badge, end to end, on real parts: pcscd, Mosquitto, a gate process, a hub process, SIGKILL.

After every disaster the same question: made = stored, none twice.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gate.simulator.demo.cast import write_crew_list
from tests.sim import vpcd
from tests.sim.rig import Site, site
from tests.waiting import wait_for

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(vpcd.missing() is not None, reason=str(vpcd.missing())),
]


@pytest.fixture
def running() -> Iterator[Site]:
    # Short, because a unix socket's path has 107 characters at most.
    with tempfile.TemporaryDirectory(prefix="pv-") as folder, site(Path(folder)) as whole:
        yield whole


def test_a_badge_becomes_a_name_on_the_roster(running: Site) -> None:
    worker = running.cast.ordinary[0]
    shown = running.badge(worker)
    assert (shown.admitted, shown.reason) == (True, "granted")
    assert running.roster() == []
    running.walk()
    running.wait_until_all_stored()
    assert [person["name"] for person in running.roster()] == [worker.name]

    assert running.badge(worker, "exit").admitted
    running.walk("exit")
    running.wait_until_all_stored()
    assert running.roster() == []


def test_p6_what_is_refused_at_the_entrance_is_let_out_at_the_exit(running: Site) -> None:
    assert running.badge(running.cast.expired).reason == "expired"
    assert running.badge(running.cast.stranger).reason == "unknown_card"
    leaving = running.badge(running.cast.expired, "exit")
    assert (leaving.admitted, leaving.reason) == (True, "expired")


def test_p5_a_revoked_card_stays_out_once_the_list_has_come(running: Site) -> None:
    worker = running.cast.ordinary[0]
    assert running.badge(worker).admitted
    running.walk()
    crew = running.folder / "crew2.csv"
    write_crew_list([replace(one, status="blocked") if one == worker else one for one in running.cast.crew], crew)
    running.command("hub", "crew", "import", str(crew))
    running.wait_for_list(2)
    assert running.badge(worker).reason == "blocked"


def test_an_unknown_card_waits_is_approved_and_may_be_blocked(running: Site) -> None:
    stranger = running.cast.stranger
    assert running.badge(stranger).reason == "unknown_card"
    running.wait_until_all_stored()
    assert f"hms:{stranger.card_number}" in running.command("hub", "waiting")

    approval = ("--company", stranger.organisation_number, "--until", "2199-12-31", "--by", "office")
    running.command("hub", "approve", stranger.card_number, *approval)
    running.wait_for_list(2)
    assert running.badge(stranger).reason == "granted"
    assert running.command("hub", "waiting") == "No card waits.\n"

    # A crew list that does not name the card leaves the approval alone.
    running.command("hub", "crew", "import", str(running.folder / "crew.csv"))
    running.walk()
    running.command("hub", "block", stranger.card_number, "--reason", "left the site", "--by", "office")
    running.wait_for_list(3)
    assert running.badge(stranger).reason == "blocked"
    assert "left the site" in running.command("hub", "why", stranger.card_number)


@pytest.mark.parametrize("point", ["gate: commit | relay", "gate: relay | send"])
def test_p2_p3_p4_the_gate_is_killed_in_the_middle(running: Site, point: str) -> None:
    running.gate.stop()
    running.gate.start(point)
    running.gate.marker.touch()
    granted = running.count("badge.granted")
    running.insert(running.cast.ordinary[0])
    wait_for("the gate to die at its kill point", running.gate.dead)
    running.remove()
    assert running.count("badge.granted") == granted + 1, "the grant must be on the disk before the relay moves"
    running.gate.start()
    assert running.badge(running.cast.ordinary[1]).admitted
    running.walk()
    running.wait_until_all_stored()
    assert [person["name"] for person in running.roster()] == [running.cast.ordinary[1].name]


@pytest.mark.parametrize("point", ["hub: receive | commit", "hub: commit | ack"])
def test_p2_p3_the_hub_is_killed_in_the_middle(running: Site, point: str) -> None:
    running.hub.stop()
    running.hub.start(point)
    running.hub.marker.touch()
    running.badge(running.cast.ordinary[0])
    running.walk()
    wait_for("the hub to die at its kill point", running.hub.dead)
    assert running.badge(running.cast.untrained).reason == "training_missing"
    running.hub.start()
    running.wait_until_all_stored()
    assert [person["name"] for person in running.roster()] == [running.cast.ordinary[0].name]


def test_p1_p2_the_broker_loses_its_memory(running: Site) -> None:
    running.broker.kill()
    assert running.badge(running.cast.ordinary[0]).admitted, "the gate decides alone"
    running.walk()
    assert running.badge(running.cast.expired).reason == "expired"
    running.broker.start()
    running.wait_until_all_stored()
    assert [person["name"] for person in running.roster()] == [running.cast.ordinary[0].name]


def test_a_second_gate_process_on_the_same_folder_is_refused(running: Site) -> None:
    running.command("gate", "run", status=1)


def test_the_gate_stops_in_order(running: Site) -> None:
    running.gate.stop()
    assert running.made()[-1].kind == "gate.stopped"
    assert "Traceback" not in running.gate.log
    running.hub.stop()
    assert "Traceback" not in running.hub.log


def test_p2_p5_the_hub_loses_its_disk(running: Site) -> None:
    """The gate still has what it was acknowledged, and sends it again; no list below the gate's comes back."""
    running.badge(running.cast.ordinary[0])
    running.walk()
    running.wait_until_all_stored()
    running.hub.kill()
    for file in (running.folder / "hub").glob("hub.sqlite3*"):
        file.unlink()
    running.hub.start()
    running.wait_until_all_stored()
    running.command("hub", "crew", "import", str(running.folder / "crew.csv"))
    running.wait_for_list(2)
    assert [person["name"] for person in running.roster()] == [running.cast.ordinary[0].name]
