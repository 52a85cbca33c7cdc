"""Signs of a copied card."""

import pytest

from gate.model import NOTHING_KNOWN, CardContents, CardHistory, CardId, CardReading, LastChip, Medium
from gate.suspicion import another_chip

FIRST, SECOND = bytes.fromhex("04112233445566"), bytes.fromhex("a1b2c3d4")
CONTENTS = CardContents(CardId("hms", "01234567"))


def shown(uid: bytes, medium: Medium = Medium.CHIP) -> CardReading:
    return CardReading("outside", medium, CONTENTS, uid)


@pytest.mark.parametrize(
    ("uid", "before", "suspect"),
    [
        (SECOND, FIRST, FIRST),
        (FIRST, FIRST, None),
        (FIRST, None, None),
        (b"", FIRST, None),
        (bytes.fromhex("08b2c3d4"), FIRST, None),  # made up by the chip for each showing
        (bytes.fromhex("08112233445566"), FIRST, FIRST),  # of seven bytes, none is made up
    ],
)
def test_the_same_number_on_another_chip(uid: bytes, before: bytes | None, suspect: bytes | None) -> None:
    history = CardHistory(last_chip=LastChip(before, 0)) if before else NOTHING_KNOWN
    assert another_chip(shown(uid), history) == suspect


def test_a_medium_without_a_chip_tells_nothing() -> None:
    history = CardHistory(last_chip=LastChip(FIRST, 0))
    assert another_chip(shown(SECOND, Medium.QR), history) is None
