"""The broker and the way to it: MQTT 3.1.1 as it behaves, and as it misbehaves.

Within one connection messages keep their order. Any of them may be lost (a full inbox, a full broker
queue) or come twice (QoS 1). A cut connection takes with it what is on the way; a part of that comes
late, after the reconnect, because the sender's library kept it. Both ends notice a cut some time later.
A restarted broker has forgotten sessions, retained messages and everybody's last words.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from portvakt.link import Connected, LastWill, LinkInput, Lost, Message
from tests.simulation.world import World

LATENCY_MS = (2, 60)
KEEPALIVE_MS = 30_000
MEMORY_MESSAGES = 20
"""What a client library keeps for a connection that is gone."""


@dataclass(slots=True, eq=False)
class Connection:
    """One TCP connection. `whole` ends at a cut; each end learns of it in its own time."""

    client: "Client"
    whole: bool = True
    to_broker_ms: int = 0
    to_client_ms: int = 0


@dataclass(slots=True)
class Weather:
    """How bad the network is just now."""

    loss: float = 0.004
    twice: float = 0.01


class Broker:
    """One MQTT broker."""

    def __init__(self, world: World, weather: Weather) -> None:
        self.world = world
        self.weather = weather
        self.up = True
        self.chance = world.chance("network")
        self.retained: dict[str, bytes] = {}
        self.unplugged_ms: dict[str, int] = {}
        """Until when there is no way from that client to here."""
        self.connections: list[Connection] = []
        self.overheard: list[Callable[[str, bytes], None]] = []

    def restart(self, for_ms: int, *, amnesia: bool) -> None:
        """Down for a while; every connection is cut, wills are not said."""
        self.up = False
        for connection in self.connections:
            connection.whole = False
            connection.client.notice(connection, self.chance.randint(0, 2_000))
        self.connections.clear()
        if amnesia:
            self.retained.clear()
        self.world.trace("broker", "restarts with amnesia" if amnesia else "restarts")
        self.world.after(for_ms, self._rise)

    def connect(self, connection: Connection) -> None:
        """A session begins: an older one of the same client ends, retained messages follow the SUBACK."""
        for older in [known for known in self.connections if known.client.name == connection.client.name]:
            self._end(older)
        self.connections.append(connection)
        for topic in sorted(self.retained):
            if _wanted(connection.client.subscriptions, topic):
                self._send(connection, topic, self.retained[topic], retained=True)

    def cut(self, connection: Connection) -> None:
        """The wire breaks. The broker says the last will when it notices."""
        if not connection.whole:
            return
        connection.whole = False
        self.world.after(self.chance.randint(100, KEEPALIVE_MS), lambda: self._end(connection))

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """A message has reached the broker."""
        if not self.up:
            return
        if retain:
            self.retained[topic] = payload
        for listener in self.overheard:
            listener(topic, payload)
        for connection in self.connections:
            if _wanted(connection.client.subscriptions, topic):
                self._send(connection, topic, payload, retained=False)

    def latency_ms(self) -> int:
        return self.chance.randint(*LATENCY_MS)

    def _rise(self) -> None:
        self.up = True

    def _end(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
            connection.whole = False
            will = connection.client.will
            self.publish(will.topic, will.payload, retain=True)

    def _send(self, connection: Connection, topic: str, payload: bytes, *, retained: bool) -> None:
        if self.chance.random() < self.weather.loss:
            self.world.counts["messages lost"] += 1
            return
        message = Message(topic, payload, retained)
        at_ms = connection.to_client_ms = max(connection.to_client_ms, self.world.now_ms + self.latency_ms())

        def arrive() -> None:
            if connection.whole:
                connection.client.arrived(connection, message)

        self.world.after(at_ms - self.world.now_ms, arrive)
        if self.chance.random() < self.weather.twice:
            self.world.counts["messages doubled"] += 1
            self.world.after(at_ms - self.world.now_ms, arrive)


@dataclass(slots=True, eq=False)
class Client:
    """What `portvakt.link.BrokerLink` is to its owner: publishes, and what happened as inputs."""

    broker: Broker
    name: str
    subscriptions: Sequence[str]
    will: LastWill
    deliver: Callable[[LinkInput], None]
    connection: Connection | None = None
    memory: list[tuple[str, bytes, bool]] = field(default_factory=list)
    gone: bool = False

    def start(self) -> None:
        self.broker.world.after(self.broker.chance.randint(5, 500), self._connect)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """False while the link is known to be down. True promises nothing."""
        connection, broker = self.connection, self.broker
        if connection is None:
            return False
        at_ms = connection.to_broker_ms = max(connection.to_broker_ms, broker.world.now_ms + broker.latency_ms())
        lost, twice = broker.chance.random() < broker.weather.loss, broker.chance.random() < broker.weather.twice

        def arrive() -> None:
            if not connection.whole:
                self._keep(topic, payload, retain=retain)
            elif lost:
                broker.world.counts["messages lost"] += 1
            else:
                for _ in range(1 + twice):
                    broker.publish(topic, payload, retain=retain)

        broker.world.after(at_ms - broker.world.now_ms, arrive)
        return True

    def cut(self) -> None:
        """The network between us and the broker breaks."""
        if self.connection is not None and self.connection.whole:
            self.broker.cut(self.connection)
            self.notice(self.connection, self.broker.chance.randint(50, KEEPALIVE_MS))

    def vanish(self, *, silently: bool) -> None:
        """The process is gone: with the power silently, otherwise the kernel closes the connection."""
        self.gone = True
        connection, self.connection = self.connection, None
        self.memory.clear()
        if connection is None or not connection.whole:
            return
        self.broker.cut(connection)
        if not silently:
            self.broker.world.after(20, lambda: self.broker._end(connection))

    def notice(self, connection: Connection, in_ms: int) -> None:
        """Our end learns of the cut, and tries again with a pause."""

        def lost() -> None:
            if self.gone or self.connection is not connection:
                return
            self.connection = None
            self.deliver(Lost("connection lost"))
            self.broker.world.after(self.broker.chance.randint(200, 20_000), self._connect)

        self.broker.world.after(in_ms, lost)

    def arrived(self, connection: Connection, message: Message) -> None:
        if not self.gone and self.connection is connection:
            self.deliver(message)

    def _connect(self) -> None:
        if self.gone or self.connection is not None:
            return
        if not self.broker.up or self.broker.world.now_ms < self.broker.unplugged_ms.get(self.name, 0):
            self.broker.world.after(self.broker.chance.randint(1_000, 30_000), self._connect)
            return
        connection = self.connection = Connection(self)
        self.deliver(Connected())
        self.broker.connect(connection)
        kept, self.memory = self.memory, []
        for topic, payload, retain in kept:
            self.broker.world.counts["messages late"] += 1
            self.publish(topic, payload, retain=retain)

    def _keep(self, topic: str, payload: bytes, *, retain: bool) -> None:
        if not self.gone and len(self.memory) < MEMORY_MESSAGES and self.broker.chance.random() < 0.5:
            self.memory.append((topic, payload, retain))


def _wanted(filters: Sequence[str], topic: str) -> bool:
    return any(wanted == topic or ("+" in wanted and _matches(wanted, topic)) for wanted in filters)


def _matches(wanted: str, topic: str) -> bool:
    words, parts = wanted.split("/"), topic.split("/")
    return len(words) == len(parts) and all(word in ("+", part) for word, part in zip(words, parts, strict=True))
