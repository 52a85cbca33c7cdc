"""A broker that says what no Mosquitto can be brought to say: the bytes of its CONNACK and of each PUBACK are given."""

import contextlib
import socket
import threading
from collections.abc import Iterator


class ScriptedBroker:
    """Speaks just enough MQTT to be misunderstood. `puback` is the part after the message's number; `eager` are packets
    that it sends before it confirms a subscription."""

    def __init__(self, connack: bytes, puback: bytes, eager: bytes = b"") -> None:
        self._connack = connack
        self._puback = puback
        self._eager = eager
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.05)
        self.port: int = self._server.getsockname()[1]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._server.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError):
                client, _ = self._server.accept()
                with client:
                    client.settimeout(0.05)
                    self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        unread = b""
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                piece = client.recv(65536)
                if not piece:
                    return
                unread += piece
            while (packet := _first(unread)) is not None:
                unread = unread[packet[2] :]
                answer = self._answer(packet[0], packet[1])
                client.sendall(answer)

    def _answer(self, head: int, body: bytes) -> bytes:
        match head >> 4:
            case 1:
                return b"\x20" + bytes([len(self._connack)]) + self._connack
            case 3:
                topic = int.from_bytes(body[:2], "big")
                number = body[2 + topic : 4 + topic]
                return b"\x40" + bytes([2 + len(self._puback)]) + number + self._puback
            case 8:
                return self._eager + b"\x90\x03" + body[:2] + b"\x01"
        return b""


def _first(data: bytes) -> tuple[int, bytes, int] | None:
    """Head, body and length of the first whole packet."""
    length = shift = 0
    for place, octet in enumerate(data[1:5], start=2):
        length |= (octet & 127) << shift
        shift += 7
        if octet < 128:
            return (data[0], data[place : place + length], place + length) if len(data) >= place + length else None
    return None


@contextlib.contextmanager
def scripted_broker(connack: bytes, puback: bytes = b"") -> Iterator[ScriptedBroker]:
    broker = ScriptedBroker(connack, puback)
    try:
        yield broker
    finally:
        broker.close()
