"""Logging to stderr: one line per fact, key=value, for journald. Nothing else configures logging."""

import logging
import sys

LEVELS = ("debug", "info", "warning", "error")
"""What a settings file may ask for."""


def configure(level: str) -> None:
    """Set up the root logger once, from the command line's entry point."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # amqtt and transitions narrate every packet at INFO; only their warnings concern anybody here.
    for talkative in ("amqtt", "transitions", "websockets"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
