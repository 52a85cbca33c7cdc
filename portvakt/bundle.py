"""What a gate is given to join its site: one TOML file, written by the hub, read once by the gate.

`token` is the seed of an Ed25519 key. The gate signs its one request with it; the hub keeps the public half alone,
so neither the hub's database nor anybody who listens can make another request of it.
"""

from pathlib import Path
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portvakt.files import replace_file
from portvakt.settings import Settings, load

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Bundle(Settings, frozen=True, kw_only=True):
    """The whole file. Times are Unix milliseconds, UTC."""

    site: Name
    gate: Name
    token: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    token_expires_ms: int
    host: Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
    """The broker, as the gates reach it."""
    port: Port
    """Its listener for gates, which asks for a certificate."""
    join_port: Port
    """Its listener for those that have none yet."""
    verify_key: str
    """The hub's public key, PEM."""
    authority: str
    """The certificate of the site's own authority, PEM."""

    @property
    def token_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self.token))


def read_bundle(file: Path) -> Bundle:
    """Raises SettingsError, which names file, line and key."""
    return load(file, Bundle)


def write_bundle(file: Path, bundle: Bundle, expires: str) -> None:
    """Write it for its owner alone. `expires` is the token's end in words. Raises OSError."""
    text = f"""\
# Gate {bundle.gate} joins site {bundle.site} with this file: gate join FILE
# Whoever has it can join in the gate's place until {expires}, once. Afterwards it is worth nothing; delete it.

site = "{bundle.site}"
gate = "{bundle.gate}"
token = "{bundle.token}"
token_expires_ms = {bundle.token_expires_ms}
host = "{bundle.host}"
port = {bundle.port}
join_port = {bundle.join_port}
verify_key = \"\"\"
{bundle.verify_key}\"\"\"
authority = \"\"\"
{bundle.authority}\"\"\"
"""
    replace_file(file, text.encode(), 0o600)
