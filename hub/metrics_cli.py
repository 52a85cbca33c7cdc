"""`hub metrics`: the hub in numbers, for Prometheus."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from hub.cli_parts import add_verb, config_of, now_ms

if TYPE_CHECKING:
    from hub.config import HubConfig
    from hub.metrics_server import Address


def add_verbs(verbs: Any) -> None:
    """Add it to `hub`."""
    verb = add_verb(verbs, "metrics", _metrics, "the hub in numbers, for Prometheus; once, or served")
    verb.add_argument(
        "--listen",
        metavar="ADDRESS:PORT",
        type=_address,
        help="answer on http://ADDRESS:PORT/metrics until told to stop, such as 127.0.0.1:9464; any address but this "
        "machine's own shows the numbers to the network",
    )


def _address(text: str) -> "Address":
    from hub.metrics_server import address

    try:
        return address(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not ADDRESS:PORT, such as 127.0.0.1:9464 or [::1]:9464"
        ) from None


def _metrics(options: argparse.Namespace) -> int:
    config = config_of(options)
    if options.listen is not None:
        return _serve(config, options.listen, verbose=options.verbose)
    from hub.errors import StoreError
    from hub.metrics import nothing

    try:
        text, status = _scrape(config), 0
    except StoreError as failed:
        # Whoever keeps what we print must not go on showing what was.
        print(f"hub: {failed}", file=sys.stderr)
        text, status = nothing(), 1
    sys.stdout.write(text.decode())
    return status


def _scrape(config: "HubConfig") -> bytes:
    from hub.metrics import exposition
    from hub.numbers import look

    return exposition(look(config, now_ms()))


def _serve(config: "HubConfig", at: "Address", *, verbose: bool) -> int:
    from hub.metrics_server import serving
    from portvakt import logs
    from portvakt.notify import Supervisor
    from portvakt.process import stop_on_signals

    logs.configure("debug" if verbose else config.log_level)
    stop = stop_on_signals()
    supervisor = Supervisor()
    with serving(at, lambda: _scrape(config)) as where:
        if not where.loopback:
            print(f"hub: {where} is not this machine's own address: the network can read the numbers", file=sys.stderr)
        print(f"metrics at http://{where}/metrics", flush=True)
        supervisor.ready(f"metrics at {where}")
        stop.wait()
        supervisor.stopping()
    return 0
