"""How a gate becomes a member of its site: from the bundle to a certificate, and to settings that name it."""

import contextlib
import queue
import re
import secrets
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from gate.certificate import OwnCertificate
from gate.errors import CertificateError
from gate.uplink.contract import CertificateAnswer, CertificateRequest, ContractError, Topics
from gate.uplink.signing import Verifier, sealed_wish
from portvakt.bundle import Bundle
from portvakt.errors import SettingsError
from portvakt.files import make_folder, replace_file
from portvakt.link import BrokerLink, BrokerSettings, Connected, LinkInput, Lost, Message

REPEAT_S = 5.0
READABLE = 0o644
HUB_KEY, AUTHORITY = "hub.pub", "ca.pem"

Key = tuple[str, str]
"""Table and name of a setting; the table is empty for the top of the file."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What was done, and what is left to whoever stands there."""

    certificate: Path
    ends_ms: int
    settings: Path
    wrote_settings: bool
    to_set: Mapping[Key, str | int]
    """What the settings file must say; of use when it was not written."""


class Joiner:
    """One gate that joins with one bundle. Methods raise PortvaktError."""

    def __init__(self, bundle: Bundle, settings: Path, state: Path, now_ms: int) -> None:
        self._bundle = bundle
        self._settings = settings
        self._certificate = OwnCertificate((state / "certificate.pem").resolve(), bundle.gate)
        self._verifier = Verifier(bundle.site, _public(bundle))
        self._asked: set[str] = set()
        begins = _authority_begins_ms(bundle)
        if now_ms < begins:
            raise SettingsError(
                f"this machine's clock says {_day(now_ms)}, the site's authority is of {_day(begins)}: set the clock "
                "(timedatectl set-time), then join again"
            )

    def check(self, *, force: bool) -> None:
        """Before anything is asked for: a gate that has another hub is not taken away from it unasked."""
        before = self._settings.parent / HUB_KEY
        if force or not before.exists():
            return
        if before.read_text(encoding="ascii", errors="replace").split() != self._bundle.verify_key.split():
            raise SettingsError(
                f"{before} is the key of another hub; --force takes this gate over to site {self._bundle.site}"
            )

    def request(self) -> bytes:
        """The gate's request under the token's signature; each is other bytes over the same key."""
        request = CertificateRequest(self._bundle.gate, self._certificate.request())
        wish, digest = sealed_wish(self._bundle.site, request, self._bundle.token_key.sign)
        self._asked.add(digest)
        return wish

    def ask(self, wait_s: float) -> CertificateAnswer:
        """Over the network: the hub's answer."""
        with self._link() as (link, topic, inbox):
            until = time.monotonic() + wait_s
            why = f"{self._bundle.host}:{self._bundle.join_port} was not reached"
            up = False
            while (left := until - time.monotonic()) > 0:
                try:
                    given = inbox.get(timeout=min(left, REPEAT_S))
                except queue.Empty:
                    given = None
                match given:
                    case Lost(reason):
                        up, why = False, f"{self._bundle.host}:{self._bundle.join_port}: {reason}"
                    case Message(payload=payload):
                        try:
                            return self.opened(payload)
                        except ContractError as wrong:
                            why = str(wrong)
                    case Connected() | None:
                        up = up or given is not None
                        if up:
                            why = "the broker is there, the hub does not answer; does it run (hub run)?"
                            link.publish(topic, self.request())
        raise CertificateError(f"no certificate within {wait_s:g} s: {why}")

    def opened(self, payload: bytes) -> CertificateAnswer:
        """An answer that the bundle's hub has signed, to a request of this gate. Raises ContractError."""
        answer = self._verifier.open(CertificateAnswer, payload)
        if answer.gate != self._bundle.gate or (self._asked and answer.request not in self._asked):
            raise ContractError("an answer came that is of another request")
        return answer

    def settle(self, answer: CertificateAnswer, *, force: bool) -> Joined:
        """Certificate, authority, hub's key and settings into their places; the settings last."""
        if answer.refused:
            raise CertificateError(answer.refused)
        certificate = self._certificate.take(answer.certificate, self._bundle.authority)
        folder = self._settings.parent
        try:
            make_folder(folder)
            replace_file(folder / HUB_KEY, self._bundle.verify_key.encode("ascii"), READABLE)
            replace_file(folder / AUTHORITY, self._bundle.authority.encode("ascii"), READABLE)
            wanted = self._wanted()
            before = self._settings.read_text(encoding="utf-8") if self._settings.exists() else None
            if before is None:
                replace_file(self._settings, with_values(TEMPLATE, wanted).encode(), READABLE)
            elif force:
                replace_file(self._settings.with_suffix(".before"), before.encode(), READABLE)
                replace_file(self._settings, with_values(before, wanted).encode(), READABLE)
        except OSError as refused:
            raise SettingsError(f"{folder}: cannot be written ({refused.strerror}); run this as root") from refused
        ends_ms = int(certificate.not_valid_after_utc.timestamp() * 1000)
        return Joined(self._certificate.file, ends_ms, self._settings, before is None or force, wanted)

    def _wanted(self) -> dict[Key, str | int]:
        return {
            ("", "site"): self._bundle.site,
            ("", "gate"): self._bundle.gate,
            ("hub", "verify_key"): HUB_KEY,
            ("broker", "host"): self._bundle.host,
            ("broker", "port"): self._bundle.port,
            ("broker", "ca_file"): AUTHORITY,
            ("broker", "cert_file"): str(self._certificate.file),
        }

    @contextlib.contextmanager
    def _link(self) -> Iterator[tuple[BrokerLink, str, "queue.Queue[LinkInput]"]]:
        joiner = secrets.token_hex(16)
        topics = Topics(self._bundle.site)
        inbox: queue.Queue[LinkInput] = queue.Queue()
        with tempfile.NamedTemporaryFile("w", suffix=".pem", encoding="ascii") as authority:
            authority.write(self._bundle.authority)
            authority.flush()
            settings = BrokerSettings(host=self._bundle.host, port=self._bundle.join_port, ca_file=authority.name)
            link = BrokerLink(settings, joiner, [topics.join_answer(joiner)], None, inbox)
            link.start()
            try:
                yield link, topics.join_request(joiner), inbox
            finally:
                link.close()


def with_values(text: str, wanted: Mapping[Key, str | int]) -> str:
    """A TOML text in which these settings have these values. Everything else stays as it is, comments too."""
    lines = text.splitlines()
    for (table, name), value in wanted.items():
        written = f"{name} = {value}" if isinstance(value, int) else f'{name} = "{value}"'
        start, end = _table(lines, table)
        pattern = re.compile(rf"^\s*{re.escape(name)}\s*=")
        places = [place for place in range(start, end) if pattern.match(lines[place])]
        if places:
            lines[places[0]] = written
        else:
            lines.insert(start, written)
    if table_of(lines).get("broker", {}).get("key_file"):
        # The key stands beside the certificate from now on.
        start, end = _table(lines, "broker")
        lines[start:end] = [line for line in lines[start:end] if not re.match(r"^\s*key_file\s*=", line)]
    return "\n".join(lines) + "\n"


def table_of(lines: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError as broken:
        raise SettingsError(f"the settings would not be valid TOML: {broken}") from broken


def _table(lines: list[str], name: str) -> tuple[int, int]:
    """The lines of a table, without its header; it is added at the end when there is none."""
    heads = [place for place, line in enumerate(lines) if re.match(r"^\s*\[", line)]
    if not name:
        return 0, heads[0] if heads else len(lines)
    for place, head in enumerate(heads):
        if re.match(rf"^\s*\[\s*{re.escape(name)}\s*\]", lines[head]):
            return head + 1, heads[place + 1] if place + 1 < len(heads) else len(lines)
    lines += ["", f"[{name}]"]
    return len(lines), len(lines)


def _public(bundle: Bundle) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(bundle.verify_key.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm) as broken:
        raise SettingsError("the bundle's verify_key is no public key; have the bundle made anew") from broken
    if not isinstance(key, Ed25519PublicKey):
        raise SettingsError("the bundle's verify_key is of another kind; have the bundle made anew")
    return key


def _authority_begins_ms(bundle: Bundle) -> int:
    try:
        certificate = load_pem_x509_certificate(bundle.authority.encode("ascii"))
    except ValueError as broken:
        raise SettingsError("the bundle's authority is no certificate; have the bundle made anew") from broken
    return int(certificate.not_valid_before_utc.timestamp() * 1000)


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d")


TEMPLATE = """\
# The settings of one gate, made by `gate join`. Every setting is explained in config/gate.toml of the program.
# Check them with: gate check-config

site = ""
gate = ""

[hub]
verify_key = ""

[broker]
host = ""
port = 0
ca_file = ""
cert_file = ""

# As it is wired here: see docs/wiring.md and docs/readers.md. Until this is right, do not start the gate.
[[lanes]]
name = "main"
driver = "gpio"
entry_relay_pin = 17
exit_relay_pin = 27
entry_sensor_pin = 5
exit_sensor_pin = 6

[[readers]]
name = "outside"
driver = "pcsc"
lane = "main"
direction = "entry"
match = "00 00"
coding = "coding/demo.toml"
keys = "coding/demo.keys.toml"

[[readers]]
name = "inside"
driver = "pcsc"
lane = "main"
direction = "exit"
match = "00 01"
coding = "coding/demo.toml"
keys = "coding/demo.keys.toml"
"""
