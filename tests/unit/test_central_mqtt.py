"""The connection to a central broker, where no Mosquitto can be brought to do what brokers may."""

import pytest

from hub.central.mqtt import BrokerSession, CentralBroker, Received, Unreachable
from tests.sim.scripted_broker import ScriptedBroker


def test_what_a_broker_sends_before_it_confirms_a_subscription_is_heard() -> None:
    """It may (MQTT 3.1.1, 3.8.4); the newest list would be missed for an hour otherwise."""
    eager = b"".join(b"\x30\x04\x00\x01t" + sign for sign in (b"1", b"2"))
    broker = ScriptedBroker(b"\x00\x00", b"", eager)
    try:
        session = BrokerSession.opened(CentralBroker(host="127.0.0.1", port=broker.port, protocol="3.1.1"), "c")
        session.subscribe(["t"])
        assert [session.heard_within(5), session.heard_within(5)] == [Received("t", b"1"), Received("t", b"2")]
        assert session.heard_within(0.01) is None
        session.close()
        with pytest.raises(Unreachable, match="closed here"):
            session.heard_within(5)
    finally:
        broker.close()
