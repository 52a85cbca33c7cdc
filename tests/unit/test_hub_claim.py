"""One hub for each site, and gates of which there are suddenly two."""

import pytest
from msgspec.structs import replace

from gate.uplink.contract import HubStatus, Status
from hub.claim import GHOST_MS, LISTEN_MS, PRESENCE_MS, YOUNG_MS, Claim, SiteClaim
from hub.health import GateHealth, follow


def hub(instance: str, *, online: bool = True) -> HubStatus:
    return HubStatus("yard", instance, online, "host-2")


def held() -> SiteClaim:
    claim = SiteClaim("mmm")
    claim.connected(0)
    assert claim.tick(LISTEN_MS)
    return claim


def test_silence_makes_the_site_ours() -> None:
    """Once, after the whole wait."""
    claim = SiteClaim("mmm")
    assert not claim.tick(10 * LISTEN_MS)
    claim.connected(0)
    assert not claim.tick(LISTEN_MS - 1)
    assert claim.tick(LISTEN_MS)
    assert not claim.tick(LISTEN_MS + 1)
    assert claim.state is Claim.HELD


@pytest.mark.parametrize("instance", ["aaa", "zzz"])
def test_whoever_is_on_line_already_wins(instance: str) -> None:
    """Whatever its instance is."""
    claim = SiteClaim("mmm")
    claim.connected(0)
    rival = claim.heard(hub(instance), 10, retained=False)
    assert rival
    assert rival.wins


def test_a_retained_presence_that_nobody_repeats_is_a_ghost() -> None:
    """P2: of a hub whose disk is lost, at a broker that lost its power as well."""
    claim = SiteClaim("mmm")
    claim.connected(0)
    assert claim.heard(hub("aaa"), 10, retained=True) is None
    assert not claim.tick(GHOST_MS - 1)
    assert claim.tick(GHOST_MS)


def test_a_retained_presence_that_is_repeated_wins() -> None:
    claim = SiteClaim("mmm")
    claim.connected(0)
    claim.heard(hub("aaa"), 10, retained=True)
    rival = claim.heard(hub("aaa"), PRESENCE_MS, retained=False)
    assert rival
    assert rival.wins


def test_a_hub_that_holds_its_site_says_so_often_enough() -> None:
    """Twice before a newcomer would take it for a ghost."""
    claim = held()
    said = [now_ms for now_ms in range(10_000, 10_000 + GHOST_MS, 100) if claim.presence_due(now_ms)]
    assert len(said) >= 2
    assert not SiteClaim("mmm").presence_due(10_000)


def test_ghosts_and_ourselves_are_no_rivals() -> None:
    """Our own retained status from before a crash, and another hub's last will."""
    claim = SiteClaim("mmm")
    claim.connected(0)
    assert claim.heard(hub("mmm"), 10, retained=False) is None
    assert claim.heard(hub("aaa", online=False), 10, retained=False) is None


def test_of_two_that_start_together_one_stays() -> None:
    """Both have listened to silence; the smaller instance stays, the other one goes."""
    first, second = (
        held().heard(hub("aaa"), LISTEN_MS + 5, retained=False),
        held().heard(hub("zzz"), LISTEN_MS + 5, retained=False),
    )
    assert first
    assert first.wins
    assert second
    assert not second.wins


def test_a_settled_hub_does_not_give_way() -> None:
    """One stray message must not leave a site without a hub."""
    rival = held().heard(hub("aaa"), LISTEN_MS + YOUNG_MS, retained=False)
    assert rival
    assert not rival.wins


def test_a_lost_link_begins_the_wait_again_only_before_the_claim() -> None:
    """What is held stays held over a broker's restart."""
    claim = SiteClaim("mmm")
    claim.connected(0)
    claim.lost()
    assert not claim.tick(5 * LISTEN_MS)
    claim.connected(5 * LISTEN_MS)
    assert claim.tick(6 * LISTEN_MS)
    claim.lost()
    claim.connected(9 * LISTEN_MS)
    assert claim.state is Claim.HELD


def after(*said: tuple[str, bool]) -> GateHealth:
    """A gate's health after these instances have said that they are on line, or were said to be gone."""
    health = None
    for now_ms, (instance, online) in enumerate(said):
        health = follow(health, Status("north", instance, online), now_ms)
    assert health
    return health


@pytest.mark.parametrize(
    ("said", "conflicts", "shown"),
    [
        ([("a", True)], 0, ("a", True)),
        ([("a", True), ("a", False), ("a", True)], 0, ("a", True)),
        ([("a", True), ("a", False), ("b", True)], 0, ("b", True)),
        ([("a", False), ("b", True), ("a", False)], 0, ("b", True)),
        ([("a", True), ("b", True)], 1, ("b", True)),
        ([("a", True), ("a", False), ("b", True), ("b", False), ("a", True)], 1, ("a", True)),
        ([("a", True), ("b", True), ("a", True), ("b", True)], 3, ("b", True)),
    ],
)
def test_two_controllers_under_one_name(said: list[tuple[str, bool]], conflicts: int, shown: tuple[str, bool]) -> None:
    """A restart is none; one that comes back, or speaks while another is on line, is."""
    health = after(*said)
    assert (health.conflicts, (health.status.instance, health.status.online)) == (conflicts, shown)
    assert (health.conflict_ms is None) is (conflicts == 0)


def test_few_instances_are_remembered() -> None:
    """P11: a controller that restarts all day costs no more."""
    health = after(*((f"i{number}", online) for number in range(50) for online in (True, False)))
    assert (len(health.instances), health.conflicts) == (8, 0)


def test_a_gate_that_is_gone_still_holds_the_list_that_it_told_of() -> None:
    """Its last will was written before it had any."""
    told = Status("north", "a", online=True, list_revision=7, list_digest="d" * 64, alarms=("disk",))
    health = follow(follow(None, told, 1), Status("north", "a", online=False), 2)
    assert health == GateHealth(replace(told, online=False, alarms=()), 2, ("a",))
