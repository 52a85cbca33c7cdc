"""The contractor chain: who was engaged by whom, and at which level that puts a company. Pure.

Level 0 is whoever nobody on the list has engaged: the main contractor. Its subcontractors are level 1.
"""

from collections.abc import Mapping


def loop_at(company: str, engaged_by: Mapping[str, str]) -> tuple[str, ...] | None:
    """The companies of the loop that this company's chain runs into, each once; None when the chain has an end."""
    way: dict[str, None] = {}
    at: str | None = company
    while at is not None and at not in way:
        way[at] = None
        at = engaged_by.get(at)
    if at is None:
        return None
    passed = list(way)
    return tuple(passed[passed.index(at) :])


def level_of(company: str, engaged_by: Mapping[str, str]) -> int | None:
    """How many companies stand above this one; None when the chain is a loop, which has no level."""
    if loop_at(company, engaged_by) is not None:
        return None
    level = 0
    above = engaged_by.get(company)
    while above is not None:
        level += 1
        above = engaged_by.get(above)
    return level
