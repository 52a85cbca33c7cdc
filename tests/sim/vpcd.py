"""A real, private pcscd with two virtual slots, into which tests put VirtualCards.

    with private_pcscd(folder) as pcsc:
        pcsc.slot(0).insert(card)        # then a driver with pcsc.env sees it in pcsc.slot(0).reader
        pcsc.slot(0).remove()
        pcsc.kill(); pcsc.start()

The daemon has its own configuration, port and run folder, by a mount namespace of its own. A process
that shall use it sets PCSCLITE_CSOCK_NAME (`pcsc.env`) before its first smartcard call.

The slot plays the reader and the card in it: vpcd sends it what pcscd wants to say to the card.
"""

import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gate.reader.apdu import ATR_CLASSIC_4K
from gate.reader.mifare import BLOCK_BYTES, KeyType
from gate.simulator.card import VirtualCard
from tests.waiting import wait_for

_POWER_OFF, _POWER_ON, _RESET, _ATR = 0x00, 0x01, 0x02, 0x04
_DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")

OK = b"\x90\x00"
REFUSED = b"\x63\x00"

# In a process of its own, so that a test's process may speak to another pcscd or to none.
_WAIT_EMPTY = """
import sys
from smartcard import scard
_, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
state = scard.SCARD_STATE_UNAWARE
# The high half counts comings and goings: an odd count means that the last going is not seen yet,
# though the state says "empty" as soon as a command to the card fails.
while not state & scard.SCARD_STATE_EMPTY or state >> 16 & 1:
    result, states = scard.SCardGetStatusChange(context, scard.INFINITE, [(sys.argv[1], state)])
    assert result == 0, hex(result)
    state = states[0][1] & ~scard.SCARD_STATE_CHANGED
"""


def missing() -> str | None:
    """What this machine lacks for a private pcscd; None when nothing."""
    if shutil.which("pcscd") is None:
        return "pcscd is not installed"
    if not _DRIVER.exists():
        return "vsmartcard-vpcd is not installed"
    return None


class StorageReader:
    """A contactless reader's own part: pseudo-APDUs of PC/SC part 3, and key slots that outlive cards.

    `log` keeps each command as (class and instruction in hex, status), to be looked at by tests.
    """

    def __init__(self) -> None:
        self.keys: dict[int, bytes] = {}
        self.log: list[str] = []
        self.structure = 0x00
        """The key structure that this reader wants; LOAD KEYS with another is refused."""

    def answer(self, card: VirtualCard, command: bytes) -> bytes:
        """The answer to one pseudo-APDU with this card in the field."""
        self.log.append(command[:2].hex())
        match tuple(command[:2]):
            case (0xFF, 0xCA):
                return card.uid + OK
            case (0xFF, 0x82):
                if command[2] != self.structure or len(command) != 11:
                    return b"\x69\x83"
                self.keys[command[3]] = command[5:11]
                return OK
            case (0xFF, 0x86):
                block, key_type, slot = command[7], command[8], command[9]
                if slot not in self.keys:
                    return b"\x69\x88"
                return OK if card.authenticate(block, KeyType(key_type), self.keys[slot]) else REFUSED
            case (0xFF, 0xB0):
                content = card.read(command[3])
                return REFUSED if content is None or command[4] != BLOCK_BYTES else content + OK
            case (0xFF, 0xD6):
                return OK if card.write(command[3], command[5 : 5 + BLOCK_BYTES]) else REFUSED
            case _:
                return b"\x6d\x00"


class Slot:
    """One reader of the private pcscd. `reader` is the name that pcscd gives it."""

    def __init__(self, number: int, port: int, env: dict[str, str]) -> None:
        self.reader = f"Virtual PCD 00 {number:02}"
        self.storage = StorageReader()
        self._env = env
        self._port = port
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._gap_unseen = False

    def insert(
        self, card: VirtualCard, leaves_after: int | None = None, stumbles: frozenset[int] = frozenset()
    ) -> None:
        """Hold a card to the reader. With `leaves_after` it is gone after so many answers to commands;
        with `stumbles` those commands, counted from 1, come to nothing."""
        self.remove()
        self.wait_empty()
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=10)
        self._socket.settimeout(None)
        self._thread = threading.Thread(
            target=self._serve, args=(self._socket, card, leaves_after, stumbles), daemon=True
        )
        self._thread.start()

    def remove(self) -> None:
        """Take the card away. Nothing happens when there is none."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join()
            self._gap_unseen = True
        self._socket = self._thread = None

    def wait_empty(self) -> None:
        """Return when pcscd has seen that there is no card: it looks every 400 ms, and misses shorter gaps.

        Does nothing when it has seen that already, or has been killed since."""
        if not self._gap_unseen:
            return
        command = [sys.executable, "-c", _WAIT_EMPTY, self.reader]
        subprocess.run(command, env={**os.environ, **self._env}, check=True, timeout=10)
        self._gap_unseen = False

    def power_cycle(self) -> None:
        """pcscd was started anew: no card, and no key in the reader."""
        self.remove()
        self.storage.keys.clear()
        self._gap_unseen = False

    def _serve(
        self, link: socket.socket, card: VirtualCard, leaves_after: int | None, stumbles: frozenset[int]
    ) -> None:
        answers = 0
        with link:
            while (message := _receive(link)) is not None:
                if len(message) > 1:
                    if answers == leaves_after:
                        return
                    answers += 1
                    # What a reader says of a card that did not answer it is what it says of a wrong key.
                    _send(link, REFUSED if answers in stumbles else self.storage.answer(card, message))
                elif message[0] == _ATR:
                    _send(link, ATR_CLASSIC_4K)
                else:
                    card.select()


def _receive(link: socket.socket) -> bytes | None:
    head = _exactly(link, 2)
    return None if head is None else _exactly(link, struct.unpack(">H", head)[0])


def _exactly(link: socket.socket, count: int) -> bytes | None:
    got = b""
    while len(got) < count:
        # vpcd sends length and body apart: without this, delayed acknowledgement makes 83 us into 44 ms.
        # The kernel forgets the option, so it is set before every receive.
        try:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            part = link.recv(count - len(got))
        except OSError:
            return None
        if not part:
            return None
        got += part
    return got


def _send(link: socket.socket, message: bytes) -> None:
    with suppress(OSError):
        link.sendall(struct.pack(">H", len(message)) + message)


class PrivatePcscd:
    """The daemon. May be killed and started again; its socket and ports stay the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._run = folder / "run"
        self._config = folder / "reader.conf.d"
        for made in (self._run, self._config):
            made.mkdir(parents=True, exist_ok=True)
        self._port = _two_free_ports()
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = self._run / "pcscd.comm"
        self._slots = (Slot(0, self._port, self.env), Slot(1, self._port + 1, self.env))
        self.plug_in()

    @property
    def env(self) -> dict[str, str]:
        """What a process must have in its environment to speak to this pcscd."""
        return {"PCSCLITE_CSOCK_NAME": str(self.socket)}

    def slot(self, number: int) -> Slot:
        """Slot 0 or 1."""
        return self._slots[number]

    def plug_in(self) -> None:
        """From the next start on there are readers."""
        (self._config / "vpcd").write_text(
            f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:{self._port:#06x}\n'
            f"LIBPATH {_DRIVER}\nCHANNELID {self._port:#06x}\n"
        )

    def unplug(self) -> None:
        """From the next start on there is no reader."""
        (self._config / "vpcd").unlink(missing_ok=True)

    def start(self) -> None:
        """Start the daemon; returns when it answers."""
        self.socket.unlink(missing_ok=True)
        # pcscd's run folder is compiled in, so this process alone sees ours in its place; exec keeps the pid.
        script = (
            "mount -t tmpfs none /run && mkdir /run/pcscd && mount --bind {run} /run/pcscd && exec pcscd -f -c {conf}"
        )
        rights = "-m" if os.geteuid() == 0 else "-rm"
        command = ["unshare", rights, "sh", "-c", script.format(run=self._run, conf=self._config)]
        with (self._folder / "pcscd.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for("pcscd to listen", self._listens)

    def kill(self) -> None:
        """End the daemon as the kernel's out-of-memory killer would. Cards leave with it."""
        for slot in self._slots:
            slot.power_cycle()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _listens(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(f"pcscd ended: {(self._folder / 'pcscd.log').read_text()}")
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(self.socket))
            return not (self._config / "vpcd").exists() or self._slots_listen()
        return False

    def _slots_listen(self) -> bool:
        # Connecting would be a card: look at the kernel's table of listening sockets instead.
        table = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
        listening = {line.split()[1].rpartition(":")[2] for line in table.splitlines() if line.split()[3:4] == ["0A"]}
        return {f"{self._port:04X}", f"{self._port + 1:04X}"} <= listening


def _two_free_ports() -> int:
    """A port that is free, with the one after it."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            with suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port


@contextmanager
def private_pcscd(folder: Path) -> Iterator[PrivatePcscd]:
    """A pcscd of one's own, running. `folder` must be short: a socket's path has 107 characters at most."""
    daemon = PrivatePcscd(folder)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.kill()
