"""Mosquitto's configuration for a site: TLS, certificates, and who may say what on which topic. Pure.

Two listeners. One asks every client for a certificate of the site's authority, and the name in it is the name in
the ACL: a gate can only speak as itself. The other is for gates that have none yet: whoever comes there can write to
one topic and read from one, both named by its own client id, and what is said there is signed.
"""

from dataclasses import dataclass
from pathlib import PurePath

from gate.uplink.contract import MAX_BATCH_BYTES, ROOT, Topics

CONFIGURATION = "portvakt.conf"
GATES_ACL = "gates.acl"
JOIN_ACL = "join.acl"
AUTHORITY = "ca.pem"
REVOKED = "revoked.pem"
SERVER = "server.pem"
SERVER_KEY = "server.key"

RESERVED = frozenset({"hub", "join", "permits", "presence", "feed", "broker"})
"""No gate may be called so: these are places in the tree of topics, or names that others have."""

JOINERS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Listeners:
    """Where the broker is reached: by gates and hub, and by gates that join."""

    host: str
    port: int
    join_port: int


def configuration(site: str, listeners: Listeners, folder: PurePath) -> str:
    """`portvakt.conf`; `folder` is where the broker finds the other files."""
    return f"""\
# The broker of site {site}. Written by `hub broker-config`, and again by it; changes belong into another file.
per_listener_settings true
max_packet_size {MAX_BATCH_BYTES + 4096}
max_inflight_messages 100
max_queued_messages 10000

# Gates and hub: nobody without a certificate of this site's authority.
listener {listeners.port}
cafile {folder / AUTHORITY}
certfile {folder / SERVER}
keyfile {folder / SERVER_KEY}
crlfile {folder / REVOKED}
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {folder / GATES_ACL}

# Gates that join.
listener {listeners.join_port}
certfile {folder / SERVER}
keyfile {folder / SERVER_KEY}
tls_version tlsv1.2
allow_anonymous true
max_connections {JOINERS_AT_ONCE}
acl_file {folder / JOIN_ACL}
"""


GATES_WRITE = ("events", "permits/want", "result", "certificate/want")
GATES_READ = ("ack", "command", "permits/chunk/#", "certificate")
"""Below the gate's own name; `status` is both, as a gate looks whether another one bears its name."""
SITE = ("permits/head", "permits/delta/#", "presence/+", "hub")
"""What the hub says to all."""


def gates_acl(site: str) -> str:
    """Who may say what, for clients with a certificate. `%u` is the name in it."""
    base = f"{ROOT}/{site}"
    lines = ["# A gate speaks as itself, and hears its own topics and the site's."]
    lines += [f"pattern write {base}/%u/{leaf}" for leaf in GATES_WRITE]
    lines += [f"pattern readwrite {base}/%u/status"]
    lines += [f"pattern read {base}/%u/{leaf}" for leaf in GATES_READ]
    lines += [f"pattern read {base}/{leaf}" for leaf in SITE]
    lines += ["", "# The hub hears everything, and speaks as no gate.", "user hub", f"topic read {base}/#"]
    lines += [f"topic write {base}/+/{leaf}" for leaf in GATES_READ]
    lines += [f"topic write {base}/{leaf}" for leaf in (*SITE, "join/+/answer")]
    return "\n".join(lines) + "\n"


def join_acl(site: str) -> str:
    """Who may say what, for clients that have no certificate yet. `%c` is their client id."""
    topics = Topics(site)
    return (
        "# Whoever joins writes one request and reads one answer, its own.\n"
        f"pattern write {topics.join_request('%c')}\n"
        f"pattern read {topics.join_answer('%c')}\n"
    )
