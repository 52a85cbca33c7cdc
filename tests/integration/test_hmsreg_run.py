"""`hub run` as a process that tells HMSREG and ELRAPP: one of them ill, the hub killed in the middle."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from portvakt.doubles.elrapp import ElrappDouble
from portvakt.doubles.hmsreg import HmsregDouble
from portvakt.doubles.serving import HTML, Fault, Serving
from tests.sim.hub_process import Ear, HubProcess
from tests.sim.mosquitto import BINARY, Mosquitto
from tests.sim.records import START_MS, RecordBook
from tests.sim.told_doubles import targets, write_crew, write_secrets
from tests.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.skipif(BINARY is None, reason="mosquitto is not installed")]

CARDS = [str(5310000 + number) for number in range(20)]


class Site:
    """A hub with both targets, the doubles, and a gate's voice."""

    def __init__(self, folder: Path, port: int, hmsreg: Serving, elrapp: Serving) -> None:
        self.hub = HubProcess(folder, port)
        write_secrets(folder)
        with self.hub.settings.open("a") as settings:
            settings.write(targets(hmsreg.url, elrapp.url))
        crew = folder / "crew.csv"
        write_crew(crew, CARDS, "974760673")
        self.hub.command("crew", "import", str(crew))
        self.ear = Ear(port)

    def tell(self, book: RecordBook) -> None:
        self.ear.link.publish(*book.message())
        self.ear.until("the gate is acknowledged", lambda: self.ear.acked(self.hub) >= len(book.bodies))

    def accepted(self) -> dict[str, int]:
        text = self.hub.command("central", "status", "--json")
        return {one["name"]: one["accepted"] for one in json.loads(text)}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as started:
        yield started


def test_one_sick_receiver_slows_no_other_and_a_killed_hub_loses_nothing(tmp_path: Path, broker: Mosquitto) -> None:
    hmsreg, elrapp = HmsregDouble(), ElrappDouble()
    book = RecordBook()
    for number, card in enumerate(CARDS):
        book.passage(card, "entry", START_MS + number * 1000)
    for number, card in enumerate(CARDS):
        book.passage(card, "exit", START_MS + 3_600_000 + number * 1000)
    with hmsreg.serving() as hmsreg_served, elrapp.serving() as elrapp_served:
        elrapp_served.misbehave(*[Fault(HTML)] * 1000)
        site = Site(tmp_path / "hub", broker.port, hmsreg_served, elrapp_served)
        try:
            site.hub.start()
            site.hub.ready()
            site.tell(book)
            wait_for("HMSREG has some", lambda: len(hmsreg.records) >= 10, 30.0)
            site.hub.end(signal.SIGKILL)
            site.hub.start()
            wait_for("HMSREG has all", lambda: len({one["ExternalRef"] for one in hmsreg.records}) == 40, 30.0)
            assert elrapp.rows == {}
            elrapp_served.behave()
            wait_for("ELRAPP has all", lambda: len(elrapp.rows) >= 20, 60.0)
            wait_for("it is written down", lambda: site.accepted()["hmsreg"] == 40, 30.0)
        finally:
            site.ear.link.close()
            if site.hub.process:
                site.hub.end(signal.SIGKILL)
    for card in CARDS:
        ways = [one["Retning"] for one in hmsreg.records if one["Kortnr"] == card]
        assert list(dict.fromkeys(ways)) == ["Ankomst", "Avgang"]
        assert ways == sorted(ways)
    assert {row["Kortnummer"] for row in elrapp.rows.values()} == {int(card) for card in CARDS}
    assert elrapp.repeated == 0
    assert "Nordmann" not in site.hub.text
    assert not any(card in site.hub.text for card in CARDS)
