"""The hub's database goes in the middle of a delivery: nothing is lost, and nothing goes under another key."""

import contextlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.uplink.signing import Signer
from hub.central.bell import Bell
from hub.central.couriers import Couriers
from hub.central.overview import target_lines
from hub.config import load_config
from hub.errors import StoreError
from hub.ingest import Ingest
from hub.presence import ENTRY, EXIT
from hub.store import HubStore
from portvakt.doubles.hmsreg import PASSWORD, USER, HmsregDouble
from portvakt.doubles.serving import Fault
from tests.sim.postgres import Postgres
from tests.sim.records import START_MS, RecordBook
from tests.waiting import wait_for

pytestmark = pytest.mark.real
CARDS = [str(5_310_001 + number) for number in range(60)]


def settings_of(folder: Path, url: str) -> Path:
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    (folder / "password").chmod(0o600)
    file = folder / "hub.toml"
    file.write_text(
        f'site = "yard"\n[[targets]]\nname = "hmsreg"\nkind = "hmsreg-v1"\nsince = "2020-01-01"\n'
        f'[targets.settings]\nbase_url = "{url}"\nuser = "{USER}"\npassword_file = "password"\n'
        'source = "Test"\nhmsreg_number = 1\nrequired = ["Kortnr"]\n',
        encoding="utf-8",
    )
    return file


@pytest.mark.parametrize("goodbye", ["fast", "immediate"])
def test_p2_p3_postgresql_restarts_in_the_middle_of_a_delivery(
    postgres: Postgres, tmp_path: Path, goodbye: str
) -> None:
    book = RecordBook()
    for direction in (ENTRY, EXIT):
        for number, card in enumerate(CARDS):
            book.passage(card, direction, START_MS + (direction == EXIT) * 600_000 + number * 1000)
    double = HmsregDouble()
    with contextlib.closing(HubStore(postgres.database())) as store, double.serving() as served:
        config = load_config(file := settings_of(tmp_path, served.url))
        Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate())).take([book.message()], START_MS)
        served.misbehave(*[Fault(slow_s=0.05)] * 40)
        couriers = Couriers(config, store, file, Bell())
        couriers.start()
        try:
            wait_for("some are told", lambda: len(double.records) > 10, 30.0)
            postgres.stop(goodbye)
            with pytest.raises(StoreError):
                target_lines(store, config.targets, START_MS)
            postgres.start()
            wait_for("all are accepted", lambda: target_lines(store, config.targets, START_MS)[0].accepted == 120, 60.0)
        finally:
            couriers.stop()
    told = [(one["ExternalRef"], one["Kortnr"], one["Retning"]) for one in double.records]
    assert len({reference for reference, _, _ in told}) == len(set(told)) == 120
    for card in CARDS:
        assert [way for _, number, way in dict.fromkeys(told) if number == card] == ["Ankomst", "Avgang"]
