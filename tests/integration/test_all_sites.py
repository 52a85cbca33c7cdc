"""Blocks of other sites in the store: whose count, what lifts them, who may overrule them, what erasure takes."""

import contextlib
import itertools

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub import explanation
from hub.central.mqtt import CentralBroker
from hub.central.siblings.book import Book, Limits, book_of, step
from hub.central.siblings.hearing import Took, UnmadeListener, take
from hub.central.siblings.settings import Listening, Telling
from hub.central.siblings.telling import BlockTeller, said_so_far
from hub.central.siblings.wrong import HELD, PATIENCE_MS, REFUSED, UNTOLD, block_conditions
from hub.config import AllSitesSettings, HubConfig, NeighbourSettings
from hub.crew.decisions import Decider, accept_blocks, block, overrule, overrule_site, unblock
from hub.errors import CrewListError
from hub.permits import USUAL
from hub.presence import CardKey
from hub.records import CrewMember, HeardBlock, ToldBlock
from hub.sources import sources
from hub.sources_tables import sources_text
from hub.store import HubStore, schema
from tests.sim.mosquitto import free_port
from tests.waiting import wait_for

NOW_MS = 1_790_000_000_000
DAY_MS = 24 * 3_600_000
ADA, BO = CardKey("hms", "5310027"), CardKey("hms", "5310118")
SITES = ("dock", "quay")
KEYS = {site: Ed25519PrivateKey.generate().public_key() for site in SITES}
LISTENING = Listening(
    "ours", CentralBroker(host="127.0.0.1"), "portvakt/v1/+/blocks", "c", KEYS, frozenset(SITES), 3, 60.0
)
CONFIG = HubConfig(site="yard", sources=(NeighbourSettings(name="ours", kind="blocks"),))


@pytest.fixture(autouse=True)
def crew(store: HubStore) -> None:
    """Two who may come in."""
    with store.changing_crew() as crew:
        crew.write(
            CrewMember(card.scheme, card.number, "Ada", f"Nr {card.number}", "987654325", listed=True, training=True)
            for card in (ADA, BO)
        )
        crew.compile(NOW_MS)


def decider(hours: float = 0) -> Decider:
    return Decider("ola", NOW_MS + int(hours * 3_600_000), USUAL)


def book(site: str, made: int, *cards: tuple[CardKey, bool], reason: str = "fought") -> Book:
    """`made` is in milliseconds from now, the cards' own time too."""
    told = [ToldBlock(*card, NOW_MS + made, blocked, reason, "kari") for card, blocked in cards]
    return book_of(site, NOW_MS + made, told)


def took(store: HubStore, one: Book, now_ms: int = NOW_MS) -> Took | None:
    return take(store, LISTENING, one, USUAL, now_ms)


def standing(store: HubStore, card: CardKey) -> str:
    return {CardKey(one.scheme, one.number): one.standing for one in store.permit_list().permits}[card]


def test_p5_a_block_of_another_site_wins_over_the_list_and_only_that_site_lifts_it(store: HubStore) -> None:
    assert took(store, book("dock", 1, (ADA, True)))
    assert (standing(store, ADA), standing(store, BO)) == ("blocked", "granted")
    with store.changing_crew() as crew:
        crew.compile(NOW_MS)
    assert standing(store, ADA) == "blocked"
    with pytest.raises(CrewListError, match="blocked for all sites by dock: it is lifted there"):
        unblock(store, ADA, decider())
    found = explanation.why(store, ADA, USUAL, "2026-11-21")
    assert [(one.origin, one.blocked_by, one.reason, one.blocked_ms) for one in found.blocks] == [
        ("dock", "kari", "fought", NOW_MS + 1)
    ]
    assert found.requirements[0].source == "blocked at dock by kari"
    assert took(store, book("dock", 2, (ADA, False)))
    assert standing(store, ADA) == "granted"
    assert [(one.action, one.who) for one in explanation.decided(store, 9)] == [
        ("unblock", "dock"),
        ("block", "kari at dock"),
    ]


def test_two_sites_block_a_card_and_one_lifts_it(store: HubStore) -> None:
    took(store, book("dock", 1, (ADA, True)))
    took(store, book("quay", 1, (ADA, True)))
    block(store, ADA, "lost", decider())
    for lifts in (
        lambda: took(store, book("dock", 2, (ADA, False))),
        lambda: unblock(store, ADA, decider()),
    ):
        lifts()
        assert standing(store, ADA) == "blocked"
    took(store, book("quay", 2, (ADA, False)))
    assert standing(store, ADA) == "granted"


def test_p5_a_replayed_book_changes_nothing_after_a_restart_either(store: HubStore) -> None:
    first = book("dock", 1, (ADA, True))
    took(store, first)
    took(store, book("dock", 2, (ADA, False)))
    revision = store.revision()
    assert took(store, first) is None
    assert took(store, book("dock", 2, (BO, True))) is None
    assert (store.revision(), standing(store, ADA), standing(store, BO)) == (revision, "granted", "granted")


def test_many_at_once_wait_until_somebody_accepts_them(store: HubStore) -> None:
    many = [(CardKey("hms", str(number)), True) for number in range(3)]
    found = took(store, book("dock", 1, (ADA, True), *many))
    assert found is not None
    assert found.found.held == 4
    assert standing(store, ADA) == "granted"
    (alarm,) = block_conditions(store, CONFIG, NOW_MS)
    assert alarm[:2] == (HELD, "dock")
    assert "4 cards at once" in alarm.words
    # Another site's are not held for that.
    took(store, book("quay", 1, (BO, True)))
    assert standing(store, BO) == "blocked"
    cards, done = accept_blocks(store, "dock", decider())
    assert (cards, done.published, standing(store, ADA)) == (4, True, "blocked")
    assert block_conditions(store, CONFIG, NOW_MS) == []
    with pytest.raises(CrewListError, match="no block of dock waits here"):
        accept_blocks(store, "dock", decider())
    # What somebody has accepted does not count against the next.
    took(store, book("dock", 2, (BO, True)))
    with store.crew_as_it_is() as crew:
        assert all(one.counts for one in crew.heard_blocks("dock"))


def test_overruling_is_explicit_audited_and_ends_with_the_next_block(store: HubStore) -> None:
    took(store, book("dock", 1, (ADA, True)))
    took(store, book("quay", 1, (ADA, True)))
    assert overrule(store, ADA, "wrong number, dock is closed", decider()).answer == "granted"
    with pytest.raises(CrewListError, match="blocked by no other site"):
        overrule(store, ADA, "again", decider())
    passed = explanation.why(store, ADA, USUAL, "2026-11-21").passed_over
    assert [(one.origin, one.overruled_by, one.overruled_because) for one in passed] == [
        ("dock", "ola", "wrong number, dock is closed"),
        ("quay", "ola", "wrong number, dock is closed"),
    ]
    said = [(one.action, one.who, one.detail) for one in explanation.decided(store, 2)]
    assert ("overrule", "ola", "the block of dock: wrong number, dock is closed") in said
    took(store, book("dock", 2, (ADA, True)))
    assert standing(store, ADA) == "blocked"
    cards, _ = overrule_site(store, "dock", "the site has ended", decider())
    assert (cards, standing(store, ADA)) == (1, "granted")
    with pytest.raises(CrewListError, match="blocks no card here"):
        overrule_site(store, "dock", "once more", decider())


def test_what_this_site_tells_grows_in_time_whatever_its_clock_says(store: HubStore) -> None:
    block(store, ADA, "fought", decider(), all_sites=True)
    block(store, BO, "lost", decider())
    assert [(one.number, one.blocked) for one in store.told_blocks()] == [(ADA.number, True)]
    times = [store.told_blocks()[0].at_ms]
    # The clock goes back a day; saying another reason does not make it a matter of this site alone.
    block(store, ADA, "fought twice", decider(-24))
    unblock_at = decider(-23)
    times.append(store.told_blocks()[0].at_ms)
    unblock(store, ADA, unblock_at)
    unblock(store, BO, unblock_at)
    (lifted,) = store.told_blocks()
    assert (lifted.number, lifted.blocked, lifted.reason) == (ADA.number, False, "")
    times.append(lifted.at_ms)
    block(store, ADA, "again", decider(-22), all_sites=True)
    (again,) = store.told_blocks()
    assert [*times, again.at_ms] == sorted({*times, again.at_ms})
    assert (again.blocked, again.reason) == (True, "again")


def test_p12_passages_take_what_was_lifted_along_and_the_list_takes_all(store: HubStore) -> None:
    block(store, ADA, "fought", decider(), all_sites=True)
    unblock(store, ADA, decider(1))
    took(store, book("dock", 1, (BO, True)))
    with store.forgetting() as forgetting:
        assert "lifted_blocks" not in forgetting.purge_passages(NOW_MS, NOW_MS, 10).counts
        gone = forgetting.purge_passages(NOW_MS + DAY_MS, NOW_MS + DAY_MS, 10)
        assert gone.counts["lifted_blocks"] == 1
    assert store.told_blocks() == []
    block(store, ADA, "fought", decider(), all_sites=True)
    with store.forgetting() as forgetting:
        gone = forgetting.purge_crew(NOW_MS + DAY_MS)
        assert gone.counts["heard_blocks"] == gone.counts["blocks"] == 1
    with store.reading() as connection:
        for table in (schema.heard_blocks, schema.lifted_blocks, schema.blocks):
            assert connection.execute(table.select()).all() == []


def test_a_refusal_is_an_alarm_for_a_day_from_when_it_was_met_last(store: HubStore) -> None:
    for at_ms in (NOW_MS - 2 * DAY_MS, NOW_MS):
        with store.hearing_siblings() as said:
            said.refuse("ours", ["a message is no signed list of blocks"], at_ms)
    (alarm,) = block_conditions(store, CONFIG, NOW_MS + DAY_MS - 1)
    assert alarm == (REFUSED, "ours", "a message is no signed list of blocks")
    assert block_conditions(store, CONFIG, NOW_MS + DAY_MS + 1) == []
    assert block_conditions(store, HubConfig(site="yard", all_sites=AllSitesSettings(publish={})), NOW_MS) == []


def test_a_source_that_cannot_be_made_is_told_of_and_keeps_nobody_from_working(store: HubStore) -> None:
    unmade = UnmadeListener(store, "ours", "sources.ours.settings.hubs.dock: there is no such file")
    unmade.start()
    unmade.stop()
    (line,) = sources(store, CONFIG.sources, (), NOW_MS).sources
    assert line.wrong == "sources.ours.settings.hubs.dock: there is no such file"


def test_blocks_that_the_others_do_not_hear_are_an_alarm_after_a_while(store: HubStore) -> None:
    """Nobody listens on this port."""
    config = HubConfig(site="yard", all_sites=AllSitesSettings(publish={"host": "127.0.0.1"}))
    block(store, ADA, "fought", decider(), all_sites=True)
    telling = Telling(CentralBroker(host="127.0.0.1", port=free_port()), "portvakt/v1/yard/blocks", "c")
    teller = BlockTeller("yard", store, Ed25519PrivateKey.generate(), telling)
    teller.start()
    since_ms = wait_for("the failure to be written down", lambda: said_so_far(store).wrong_since_ms)
    teller.stop()
    assert block_conditions(store, config, since_ms + PATIENCE_MS - 1) == []
    (alarm,) = block_conditions(store, config, since_ms + PATIENCE_MS)
    assert alarm[:2] == (UNTOLD, "all-sites")
    assert "127.0.0.1" in alarm.words


def test_hub_sources_tells_how_far_each_site_was_heard(store: HubStore) -> None:
    took(store, book("dock", 1, (ADA, True)))
    took(store, book("quay", 1, (ADA, True), (BO, True)))
    page = sources(store, CONFIG.sources, (), NOW_MS)
    assert page.sources[0].kept == 3
    text = sources_text(page)
    assert "dock 20" in text
    assert text.splitlines()[1].startswith("ours")


def test_a_source_that_was_of_another_kind_begins_anew(store: HubStore) -> None:
    with store.reporting() as reporting:
        reporting.succeeded("ours", "page=7", NOW_MS)
    assert "page=7" in sources_text(sources(store, CONFIG.sources, (), NOW_MS))
    assert took(store, book("dock", 1, (ADA, True)))
    assert standing(store, ADA) == "blocked"


_WORDS = st.lists(st.tuples(st.sampled_from(["all", "here", "lift"]), st.integers(-3, 3)), min_size=1, max_size=8)
_NUMBERS = itertools.count(6_000_000)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_WORDS)
def test_p5_what_is_heard_is_what_is_blocked_there_whatever_that_site_s_clock_does(
    store: HubStore, said: list[tuple[str, int]]
) -> None:
    """Clocks that go back, blocks said twice, lifted and said again: each book brings the listener to the same."""
    card = CardKey("hms", str(next(_NUMBERS)))
    known: dict[CardKey, HeardBlock] = {}
    now_ms, made_ms = NOW_MS, NOW_MS
    for word, hours in said:
        now_ms += hours * 3_600_000
        who = Decider("kari", now_ms, USUAL)
        if word == "lift":
            with contextlib.suppress(CrewListError):
                unblock(store, card, who)
        else:
            block(store, card, "fought", who, all_sites=word == "all")
        made_ms = max(now_ms, made_ms + 1)
        told = [one for one in store.told_blocks() if one.number == card.number]
        found = step(book_of("dock", made_ms, told), known, Limits(now_ms, 1000, 0))
        assert len(found.write) + len(found.lift) <= 1
        known = {card: found.write[0]} if found.write else {} if found.lift else known
        with store.crew_as_it_is() as crew:
            blocked = [one for one in crew.blocks() if one.number == card.number and one.all_sites]
        assert bool(known) == bool(blocked)
