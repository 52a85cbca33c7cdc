"""Changes of the list, from the hub's command line to two real gates over a real broker, and the proof of it."""

import sqlite3
from collections.abc import Iterator
from functools import partial

import pytest

from tests.sim.yard import CREW, Gate, Yard, opened
from tests.waiting import wait_for

BLOCKED = """card_number,first_name,last_name,organisation_number,groups,status
11111111,Ada,Nordli,310451274,first-aider,
22222222,Bo,Nordli,310451274,,blocked
33333333,Cy,Nordli,310451274,,
"""


@pytest.fixture
def yard() -> Iterator[Yard]:
    with opened() as whole:
        yield whole


def lists_of(gate: Gate) -> list[str]:
    return [line[line.index("list=applied") :] for line in gate.program.log.splitlines() if "list=applied" in line]


def refused(gate: Gate) -> bool:
    return gate.answers("22222222") == "blocked"


def equal(yard: Yard, revision: int) -> bool:
    found = yard.compare()
    standings = {gate["standing"] for gate in found["gates"].values()}
    return standings == {"equal"} and found["revision"] == revision and found["status"] == 0


def test_p5_one_blocked_card_is_one_row_on_the_way_and_refused_at_every_gate(yard: Yard) -> None:
    assert yard.north.answers("22222222") == "granted"
    yard.import_crew(BLOCKED)
    for gate in (yard.north, yard.south):
        wait_for("the card to be refused", partial(refused, gate))
        assert [line.split()[1:4] for line in lists_of(gate)] == [
            ["revision=1", "count=3", "written=3"],
            ["revision=2", "count=3", "written=1"],
        ]
    wait_for("both gates to be proven equal", lambda: equal(yard, 2))
    found = yard.compare()
    assert found["at_gates_ms"] >= found["made_ms"]
    assert {gate["digest"] for gate in found["gates"].values()} == {found["digest"]}
    wait_for("the hub to say so", lambda: "list=at_gates revision=2 gates=2" in yard.hub.log)


def test_a_gate_that_was_away_is_behind_by_name_and_catches_up(yard: Yard) -> None:
    wait_for("both gates to be proven equal", lambda: equal(yard, 1))
    yard.south.program.kill()
    yard.import_crew(BLOCKED)
    yard.import_crew(CREW + "44444444,Di,Nordli,310451274,\n")
    wait_for("north to have it", lambda: yard.compare()["gates"]["north"]["standing"] == "equal")
    found = yard.compare()
    south = found["gates"]["south"]
    assert (found["status"], south["standing"], south["revision"]) == (1, "behind", 1)
    assert (south["pending"], south["cards"]) == (2, ["hms:22222222", "hms:44444444"])
    yard.south.program.start()
    wait_for("south to have caught up", lambda: equal(yard, 3))
    # Bo was blocked and freed meanwhile; both rows are of the last revision that changed them.
    assert lists_of(yard.south)[-1].split()[1:4] == ["revision=3", "count=4", "written=2"]


def test_p8_a_gate_whose_list_was_tampered_with_finds_it_out_at_the_next_change_and_fetches_all(yard: Yard) -> None:
    """Somebody with the SD card in hand frees a card; the change of that very card shows that the sum is wrong."""
    yard.import_crew(BLOCKED)
    wait_for("both gates to be proven equal", lambda: equal(yard, 2))
    yard.south.program.kill()
    with sqlite3.connect(yard.folder / "south" / "permits.db") as connection:
        connection.execute("UPDATE permits SET standing = 'granted', proof = x'00' WHERE number = '22222222'")
    connection.close()
    yard.south.program.start()
    wait_for("the card to pass", lambda: yard.south.answers("22222222") == "granted")
    yard.import_crew(BLOCKED.replace("Bo,Nordli,310451274,,blocked", "Bo,Nordli,310451274,warden,blocked"))
    wait_for("south to be proven equal", lambda: equal(yard, 3))
    assert yard.south.answers("22222222") == "blocked"
    assert lists_of(yard.south)[-1].split()[1:4] == ["revision=3", "count=3", "written=3"]
