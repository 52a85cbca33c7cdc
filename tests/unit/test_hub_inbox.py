"""A store that is away is told of at once, then once a minute, and when it is back."""

import logging

import pytest

from hub import inbox
from hub.inbox import REMIND_MS, Outage
from portvakt.link import Lost, Message


def test_an_hour_is_sixty_lines_and_not_thousands(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    outage = Outage(told.append)
    with caplog.at_level(logging.WARNING):
        outage.over(0)
        assert not caplog.records
        for now_ms in range(1_000, 3_601_000, 1_000):
            outage.met("postgresql://db: connection refused", now_ms)
        assert len(caplog.records) == 3_600_000 // REMIND_MS
        assert "away_s=0 " in caplog.messages[0]
        assert "away_s=3540 " in caplog.messages[-1]
        outage.over(3_601_000)
        assert caplog.messages[-1] == "store=back away_s=3600"
        outage.over(3_602_000)
    assert caplog.messages[-1] == "store=back away_s=3600"
    assert len(caplog.records) == 61
    assert told[0] == "the database is away: postgresql://db: connection refused"
    assert told[-1] == "the database is back"


def test_a_second_outage_is_told_of_at_once(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(lambda _: None)
    with caplog.at_level(logging.WARNING):
        for now_ms in (0, 1_000):
            outage.met("gone", now_ms)
            outage.over(now_ms + 500)
    assert [line.split()[0] for line in caplog.messages] == ["store=failed", "store=back"] * 2


def test_the_inbox_gives_so_much_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """P11: one commit takes in a bounded number of bytes; what is over waits for the next."""
    monkeypatch.setattr(inbox, "MAX_TAKEN_BYTES", 250)
    box = inbox.Inbox()
    box.queue.put(Lost("gone"))
    for _ in range(5):
        box.queue.put(Message("t", b"x" * 100, retained=False))
    assert [len(box.drain()) for _ in range(3)] == [4, 2, 0]
