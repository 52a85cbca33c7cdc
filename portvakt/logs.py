"""Logging: a line of key=value facts, to stderr, or with fields to the journal. Nothing else configures it."""

import logging
import sys

from portvakt.journald import JournalHandler, PriorityFormatter, identifier, leads_to_journal

LEVELS = ("debug", "info", "warning", "error")
"""What a settings file may ask for."""


def configure(level: str) -> None:
    """Set up the root logger once, from the command line's entry point."""
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s %(message)s"))
    if leads_to_journal():
        handler.setFormatter(PriorityFormatter("%(name)s %(message)s"))
        handler = JournalHandler(identifier(sys.argv[0]), handler)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # amqtt and transitions narrate every packet at INFO; only their warnings concern anybody here.
    for talkative in ("amqtt", "transitions", "websockets"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    # These write the address of each request, in which a card's number or a key may stand (P12).
    for indiscreet in ("httpx", "httpcore"):
        logging.getLogger(indiscreet).setLevel(logging.WARNING)
