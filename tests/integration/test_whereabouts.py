"""Who is where, from the hub's real store to a gate's session: what one gate sees, another one knows."""

from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.model import CardId
from gate.ports import SiteTold
from gate.site import SitePicture
from gate.uplink import contract
from gate.uplink.contract import MAX_PRESENCE_PARTS, PRESENCE_ROWS, Presence, Publish, Topics, WireSighting
from gate.uplink.session import OLD_PRESENCE_MS, Identity, Session
from gate.uplink.signing import Signer, Verifier
from gate.zones import OUTSIDE, SITE
from hub.crew.csv_list import read_list
from hub.crew.importing import Terms, import_list
from hub.presence import CardKey, Certainty, Sighting
from hub.store import HubStore
from hub.whereabouts import BEATS_BEFORE_REPEAT, LEFT_LATELY_MS, Whereabouts

KEY = Ed25519PrivateKey.generate()
TOPICS = Topics("yard")
TUNNEL = "site/tunnel"
NOW_MS = 1_781_500_000_000
EPOCH = "00000000000000aa"
HEADER = "card_number,first_name,last_name,organisation_number,groups"
CREW = f"{HEADER}\n5310027,Test,Nordmann,310451274,first-aider warden\n5310035,Prøve,Hansen,310451274,\n".encode()


@pytest.fixture
def whereabouts(store: HubStore) -> Whereabouts:
    return Whereabouts("yard", store, Signer("yard", KEY), heartbeat_ms=60_000)


class Gate:
    """A gate's session and what its controller would know."""

    def __init__(self) -> None:
        self.session = Session(
            Identity("yard", "north", EPOCH),
            Verifier("yard", KEY.public_key()),
            settled=0,
            head=0,
            held=None,
            commanded=0,
        )
        self.session.connected(0)
        self.picture = SitePicture()
        self.heard = 0

    def take(self, messages: Sequence[Publish]) -> None:
        for message in messages:
            for effect in self.session.message(message.topic, message.payload, 0):
                assert isinstance(effect, SiteTold)
                self.picture.told(effect.sightings)
                self.heard += bool(effect.again_ms)

    def zone_of(self, number: str) -> str | None:
        last = self.picture.last_passage(CardId("hms", number))
        return last.zone if last else None


def see(store: HubStore, *sightings: tuple[str, str, int]) -> None:
    """Cards seen: number, zone, time."""
    with store.intake() as transaction:
        transaction.see(
            [
                Sighting(
                    at_ms, "south", EPOCH, at_ms, CardKey("hms", number), "entry", "main", Certainty.CERTAIN, None, zone
                )
                for number, zone, at_ms in sightings
            ]
        )  # fmt: skip


def test_what_one_gate_sees_another_one_knows(store: HubStore, whereabouts: Whereabouts) -> None:
    import_list(store, read_list(CREW), "crew.csv", Terms("office", NOW_MS))
    gate = Gate()
    gate.take(whereabouts.everything(NOW_MS))
    see(store, ("5310027", SITE, NOW_MS), ("5310035", TUNNEL, NOW_MS))
    news = whereabouts.news(NOW_MS)
    assert [(message.topic, message.retain) for message in news] == [(TOPICS.presence_now, False)]
    gate.take(news)
    assert (gate.zone_of("5310027"), gate.zone_of("5310035")) == (SITE, TUNNEL)
    assert gate.picture.crowd == {
        (SITE, ""): 2, (TUNNEL, ""): 1, (SITE, "first-aider"): 1, (SITE, "warden"): 1,
    }  # fmt: skip
    see(store, ("5310027", OUTSIDE, NOW_MS + 1))
    gate.take(whereabouts.news(NOW_MS + 1))
    assert gate.picture.crowd == {(SITE, ""): 1, (TUNNEL, ""): 1}
    assert whereabouts.news(NOW_MS + 2) == []


def test_nothing_is_said_twice_and_a_late_sighting_changes_nothing(store: HubStore, whereabouts: Whereabouts) -> None:
    see(store, ("5310027", SITE, NOW_MS))
    assert len(whereabouts.news(NOW_MS)) == 1
    see(store, ("5310027", OUTSIDE, NOW_MS - 1))
    assert whereabouts.news(NOW_MS) == []


def test_a_gate_that_was_away_gets_everything_from_the_broker(store: HubStore, whereabouts: Whereabouts) -> None:
    long_ago = NOW_MS - LEFT_LATELY_MS - 1
    see(store, ("1", SITE, long_ago), ("2", OUTSIDE, long_ago), ("3", OUTSIDE, NOW_MS - 1))
    kept = [message for message in whereabouts.everything(NOW_MS) if message.retain and message.payload]
    gate = Gate()
    gate.take(kept)
    assert [gate.zone_of(number) for number in "123"] == [SITE, None, OUTSIDE]
    assert gate.heard == 0, "what a broker has kept does not say that the hub is there"
    gate.take([whereabouts.beat(NOW_MS)])
    assert gate.heard == 1


def test_many_are_told_in_parts_and_parts_that_are_needed_no_more_are_taken_away(
    store: HubStore, whereabouts: Whereabouts
) -> None:
    assert [bool(message.payload) for message in whereabouts.everything(NOW_MS)] == [False] * MAX_PRESENCE_PARTS + [
        True
    ]
    see(store, *((str(number), SITE, NOW_MS + number) for number in range(PRESENCE_ROWS + 1)))
    parts = whereabouts.everything(NOW_MS)
    assert [message.topic for message in parts] == [TOPICS.presence(0), TOPICS.presence(1), TOPICS.presence_now]
    gate = Gate()
    gate.take(parts)
    assert gate.picture.crowd[SITE, ""] == PRESENCE_ROWS + 1
    see(store, ("0", OUTSIDE, NOW_MS + PRESENCE_ROWS), *((str(n), OUTSIDE, NOW_MS + 9 * n + 9) for n in range(1, 200)))
    later_ms = NOW_MS + LEFT_LATELY_MS + 9 * PRESENCE_ROWS
    told = whereabouts.heartbeat(later_ms)
    assert [(message.topic, bool(message.payload)) for message in told] == [
        (TOPICS.presence(0), True), (TOPICS.presence(1), False), (TOPICS.presence_now, True),
    ]  # fmt: skip
    again = [[message.topic for message in whereabouts.heartbeat(later_ms)] for _ in range(BEATS_BEFORE_REPEAT)]
    assert again == [[TOPICS.presence_now]] * (BEATS_BEFORE_REPEAT - 1) + [[TOPICS.presence(0), TOPICS.presence_now]]


def test_p8_only_the_hub_tells_who_is_where_and_nobody_plays_it_again(whereabouts: Whereabouts) -> None:
    gate = Gate()
    rows = (WireSighting("hms", "1", SITE, NOW_MS),)
    stranger = Signer("yard", Ed25519PrivateKey.generate()).seal(Presence(NOW_MS, 60_000, rows))
    assert not any(isinstance(effect, SiteTold) for effect in gate.session.message(TOPICS.presence_now, stranger, 0))
    hub = Signer("yard", KEY)
    old = Publish(TOPICS.presence(0), hub.seal(Presence(NOW_MS - OLD_PRESENCE_MS - 1, 60_000, rows)))
    gate.take([whereabouts.beat(NOW_MS)])
    gate.take([old])
    assert gate.zone_of("1") is None
    assert gate.session.refused == 2
    gate.session.lost(0)
    gate.session.connected(0)
    gate.take([old])
    assert gate.zone_of("1") == SITE, "a hub whose clock was set back is heard after the next connection"


def test_the_largest_part_is_within_the_limit_of_a_sealed_message() -> None:
    row = WireSighting("s" * 16, "9" * 40, "site/" + "/".join(["z" * 20] * 3), NOW_MS, ("g" * 24,) * 8)
    sealed = Signer("yard", KEY).seal(Presence(NOW_MS, 60_000, (row,) * PRESENCE_ROWS))
    assert len(sealed) < contract.MAX_CHUNK_BYTES
    assert Verifier("yard", KEY.public_key()).open(Presence, sealed).rows[0] == row


def test_groups_come_from_the_permit_of_the_card(store: HubStore, whereabouts: Whereabouts) -> None:
    import_list(store, read_list(CREW), "crew.csv", Terms("office", NOW_MS))
    see(store, ("5310027", SITE, NOW_MS), ("999", SITE, NOW_MS))
    located = {one.card.number: one.groups for one in store.located(0, 0)}
    assert located == {"5310027": ("first-aider", "warden"), "999": ()}
