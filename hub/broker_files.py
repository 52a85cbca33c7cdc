"""The broker's files on the disk, and how it is told that they have changed."""

import os
import pwd
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hub import broker_config
from hub.authority import Authority, Revoked, server_pair
from hub.broker_config import Listeners
from hub.errors import EnrolmentError
from hub.records import IssuedCertificate
from portvakt.files import replace_file

BROKERS_USER = "mosquitto"
PUBLIC, SECRET = 0o644, 0o600


def write_all(folder: Path, site: str, listeners: Listeners, authority: Authority, now_ms: int) -> None:
    """Configuration, certificates and the broker's own key. Raises EnrolmentError.

    The key is made anew each time: nothing but the broker itself knows it, and no gate remembers it.
    """
    certificate, key = server_pair(authority, (listeners.host, "localhost", "127.0.0.1", "::1"), now_ms)
    _write(
        folder,
        {
            broker_config.CONFIGURATION: broker_config.configuration(site, listeners, folder.resolve()),
            broker_config.GATES_ACL: broker_config.gates_acl(site),
            broker_config.JOIN_ACL: broker_config.join_acl(site),
            broker_config.AUTHORITY: authority.pem,
            broker_config.SERVER: certificate,
        },
        PUBLIC,
    )
    _write(folder, {broker_config.SERVER_KEY: key}, SECRET)


def write_revoked(folder: Path, authority: Authority, certificates: Sequence[IssuedCertificate], now_ms: int) -> None:
    """Which of these count no more. The broker looks when a gate connects, and reads it when it starts.

    Raises EnrolmentError.
    """
    revoked = [Revoked(one.serial, one.revoked_ms) for one in certificates if one.revoked_ms is not None]
    _write(folder, {broker_config.REVOKED: authority.revocation_list(revoked, now_ms)}, PUBLIC)


def restart_broker(command: str) -> None:
    """Run the site's own command. Raises EnrolmentError."""
    try:
        done = subprocess.run(shlex.split(command), check=False, capture_output=True, text=True, timeout=30)  # noqa: S603
    except (OSError, ValueError, subprocess.TimeoutExpired) as failed:
        raise EnrolmentError(
            f"enrolment.restart_broker: {command!r} cannot be run ({failed}); run it by hand"
        ) from failed
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise EnrolmentError(
            f"enrolment.restart_broker: {command!r} ended with {done.returncode} ({said[-1] if said else 'no word'}); "
            "the list is written; restart the broker by hand"
        )


def _write(folder: Path, files: dict[str, str], mode: int) -> None:
    for name, text in files.items():
        file = folder / name
        try:
            # Not for the owner alone: the broker's user has to come here. What is secret is a file.
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            replace_file(file, text.encode("utf-8"), mode)
            _give_to_broker(file)
        except OSError as refused:
            raise EnrolmentError(f"{file}: cannot be written ({refused.strerror}); name another folder with -d") from (
                refused
            )


def _give_to_broker(file: Path) -> None:
    """Mosquitto gives up root before it reads these."""
    if os.geteuid() != 0:
        return
    try:
        user = pwd.getpwnam(BROKERS_USER)
    except KeyError:
        return
    os.chown(file, user.pw_uid, user.pw_gid)
