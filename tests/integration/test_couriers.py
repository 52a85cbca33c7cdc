"""Couriers are rung for: a target is asked as soon as the hub has committed, not when it is looked for next."""

import threading
from pathlib import Path

import pytest

from hub import wiring
from hub.central import couriers
from hub.config import load_config
from tests.sim.hub_process import Ear, HubProcess
from tests.sim.mosquitto import BINARY, Mosquitto
from tests.sim.records import RecordBook
from tests.sim.targets import ScriptedTarget
from tests.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.skipif(BINARY is None, reason="mosquitto is not installed")]


def test_a_target_is_asked_when_the_hub_has_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = ScriptedTarget()
    monkeypatch.setattr(couriers, "LOOK_MS", 3_600_000)
    monkeypatch.setattr(couriers, "make_target", lambda *_: target)
    with Mosquitto(tmp_path / "broker") as broker:
        files = HubProcess(tmp_path / "hub", broker.port)
        with files.settings.open("a") as settings:
            settings.write('[[targets]]\nname = "client"\nkind = "scripted"\nsince = "2020-01-01"\n')
        stop, said = threading.Event(), list[str]()
        config = load_config(files.settings)
        hub = threading.Thread(target=wiring.run, args=(config, files.settings, stop, said.append))
        hub.start()
        ear = Ear(broker.port)
        try:
            wait_for("the hub is ready", lambda: said, 20.0)
            book = RecordBook()
            book.passage("1001", "entry")
            ear.link.publish(*book.message())
            wait_for("the target has it", lambda: target.got, 20.0)
        finally:
            stop.set()
            hub.join(30.0)
            ear.link.close()
    assert not hub.is_alive()
