"""A rhythm: how long an output is on, off, on … after its start. Pure.

A relay's pulse is the shortest rhythm there is; the buzzer's and lamps' tell the answers apart for
those who see no colours or hear no beep.
"""

from typing import TypeAlias

Rhythm: TypeAlias = tuple[int, ...]
"""Milliseconds on, off, on …; after the last the output is off."""


def level_at(rhythm: Rhythm, elapsed_ms: int) -> tuple[bool, int | None]:
    """Whether the output is on so long after the start, and after how many ms (from the start) that
    changes; None when the rhythm has ended."""
    end_ms = 0
    for place, length_ms in enumerate(rhythm):
        end_ms += length_ms
        if elapsed_ms < end_ms:
            return place % 2 == 0, end_ms
    return False, None
