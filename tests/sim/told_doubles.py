"""What a hub is set to that tells the doubles of HMSREG and ELRAPP, and the crew that they want to know."""

from collections.abc import Iterable
from pathlib import Path

from portvakt.doubles.elrapp import API_KEY, CONTRACT
from portvakt.doubles.hmsreg import PASSWORD, USER

_HEADER = "card_number,first_name,last_name,organisation_number,date_of_birth,card_expiry"
_TARGETS = """
[[targets]]
name = "hmsreg"
kind = "hmsreg-v1"
since = "2020-01-01"
[targets.settings]
base_url = "{hmsreg}"
user = "{user}"
password_file = "password"
source = "Test"
hmsreg_number = "1234"

[[targets]]
name = "elrapp"
kind = "elrapp"
since = "2020-01-01"
[targets.settings]
base_url = "{elrapp}"
api_key_file = "key"
contract_id = {contract}
"""


def targets(hmsreg: str, elrapp: str) -> str:
    """The settings, from the addresses of both."""
    return _TARGETS.format(hmsreg=hmsreg, elrapp=elrapp, user=USER, contract=CONTRACT)


def write_secrets(folder: Path) -> None:
    """Into the folder of the settings."""
    for name, secret in (("password", PASSWORD), ("key", API_KEY)):
        (folder / name).write_text(secret)
        (folder / name).chmod(0o600)


def write_crew(file: Path, cards: Iterable[str], organisation_number: str) -> None:
    """A crew list of all these cards."""
    rows = [f"{card},Ola,Nordmann {card},{organisation_number},1990-02-03,2027-05-31" for card in cards]
    file.write_text("\n".join([_HEADER, *rows]), encoding="utf-8")
