"""The built-in broker where it cannot run: a sentence that says what to do, and no thread left behind."""

import socket
import sys
import threading

import pytest

from hub.broker import EmbeddedBroker
from hub.errors import EmbeddedBrokerError


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """amqtt belongs to the extra `demo`, which a site does not install."""
    monkeypatch.setitem(sys.modules, "amqtt.broker", None)
    with pytest.raises(EmbeddedBrokerError, match=r"pip install 'portvakt\[demo\]'"), EmbeddedBroker("127.0.0.1", 1):
        pass


def test_a_taken_port_is_told() -> None:
    """The address stands in the message, and nothing was started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EmbeddedBrokerError, match=rf"127\.0\.0\.1:{port} .*another \[broker\] port"):
            EmbeddedBroker("127.0.0.1", port).__enter__()
    assert "broker" not in [thread.name for thread in threading.enumerate()]
