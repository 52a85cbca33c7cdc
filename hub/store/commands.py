"""Commands in SQL: what was asked, and what the gate's journal says came of it."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, func, select

from gate.uplink.contract import ContractError, decode_event
from hub.records import Answer, Asked, GivenCommand
from hub.store import schema

OUTCOMES = ("command.done", "command.refused")
CLOCK_SLACK_MS = 86_400_000
"""Outcomes are looked for in what came in since the command was given, and a day before: clocks are set."""


def put_command(connection: Connection, asked: Asked, now_ms: int, valid_ms: int) -> GivenCommand:
    """Give the command the next number. After a lost disk the numbers go on above those of before, as time does."""
    table = schema.commands
    last = connection.scalar(select(func.max(table.c.number))) or 0
    given = GivenCommand(max(last + 1, now_ms), asked, now_ms, now_ms + valid_ms)
    connection.execute(
        table.insert(),
        {
            "number": given.number,
            "gate": asked.gate,
            "action": asked.action,
            "lane": asked.lane,
            "direction": asked.direction,
            "by": asked.by,
            "why": asked.why,
            "issued_ms": given.issued_ms,
            "expires_ms": given.expires_ms,
        },
    )
    return given


def read_commands(connection: Connection, *, valid_at_ms: int = 0, limit: int = 1000) -> Sequence[GivenCommand]:
    """The newest, those that are still valid at that time."""
    table = schema.commands
    chosen = select(table).where(table.c.expires_ms >= valid_at_ms).order_by(table.c.number.desc()).limit(limit)
    return [
        GivenCommand(
            row.number,
            Asked(row.gate, row.action, row.lane, row.direction, row.by, row.why),
            row.issued_ms,
            row.expires_ms,
        )
        for row in connection.execute(chosen)
    ]


def read_answers(connection: Connection, commands: Sequence[GivenCommand]) -> dict[int, Answer]:
    """By number, of those that were answered. Looks at every event: a gate's clock may have said anything."""
    return _answers(connection, commands, schema.events.c.received_ms)


def read_answers_by_time(connection: Connection, commands: Sequence[GivenCommand]) -> dict[int, Answer]:
    """The same by the gates' own clocks, for which there is an index: cheap, and without those whose clock is wrong."""
    return _answers(connection, commands, schema.events.c.time_ms)


def _answers(connection: Connection, commands: Sequence[GivenCommand], when: ColumnElement[int]) -> dict[int, Answer]:
    if not commands:
        return {}
    table = schema.events
    numbers = {command.number for command in commands}
    since_ms = min(command.issued_ms for command in commands) - CLOCK_SLACK_MS
    chosen = select(table.c.body, table.c.kind, table.c.received_ms).where(table.c.kind.in_(OUTCOMES), when >= since_ms)
    answers: dict[int, Answer] = {}
    for row in connection.execute(chosen):
        try:
            data = decode_event(bytes(row.body)).data
        except ContractError:
            continue
        if data.command in numbers and data.command is not None:
            answers[data.command] = Answer(row.kind == OUTCOMES[0], str(data.detail.get("what", "")), row.received_ms)
    return answers
