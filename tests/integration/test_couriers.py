"""Couriers are rung for: a target is asked as soon as the hub has committed, not when it is looked for next. While much
comes in they give way, and go on all the same."""

import threading
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.uplink.signing import Signer
from hub import wiring
from hub.central import couriers
from hub.central.bell import Bell
from hub.central.precedence import BACKLOG_BYTES, Precedence
from hub.central.target import Pace
from hub.config import HubConfig, TargetSettings, load_config
from hub.ingest import Ingest
from hub.store import HubStore
from tests.sim.hub_process import Ear, HubProcess
from tests.sim.mosquitto import BINARY, Mosquitto
from tests.sim.records import START_MS, RecordBook
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


def test_while_gates_tell_without_end_targets_are_told_all_the_same(
    tmp_path: Path, store: HubStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = ScriptedTarget(Pace(batch=10))
    monkeypatch.setattr(couriers, "make_target", lambda *_: target)
    settings = TargetSettings(name="client", kind="scripted", since="2020-01-01")
    precedence = Precedence(1)
    book = RecordBook()
    for number in range(100):
        book.passage(f"{1000 + number}", "entry")
    Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate())).take([book.message()], START_MS)
    told = couriers.Couriers(HubConfig(site="yard", targets=(settings,)), store, tmp_path, Bell(), precedence)
    precedence.begins(BACKLOG_BYTES, time.monotonic() - 60.0)
    rests: list[float] = []
    asked = precedence.rest_s

    def rest_s(turn_s: float, now_s: float, patience_s: float) -> float:
        rests.append(asked(turn_s, now_s, patience_s))
        return rests[-1]

    monkeypatch.setattr(precedence, "rest_s", rest_s)
    told.start()
    try:
        wait_for("all are told", lambda: len(target.bodies) == 100, 60.0)
    finally:
        told.stop()
    assert min(rests) > 0.0
