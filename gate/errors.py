"""The gate's errors, one tree.

PortvaktError                   (portvakt.errors: the root of all we raise on purpose)
└── GateError
    ├── ReaderError             the card or its reader
    │   ├── ReaderTransient     this exchange failed; the card may still be in the field, try again
    │   ├── ReaderLost          the reader or its service is away; re-open it with backoff
    │   └── ReaderHung          the reader is there and does not answer; reset it
    ├── CodingError             a coding profile or a key file cannot be used
    ├── CardImageError          a card dump is not a card
    ├── WriteRefused            a card that is not ours to write, or not blank
    ├── RelayError              a pin or a lane cannot be driven
    ├── StoreError              the SD card's databases
    │   ├── StoreFull           no room, on disk or in the bounded memory before it
    │   ├── StoreCorrupt        the file is damaged; it is kept aside, never repaired in silence
    │   └── StoreNewer          the file was written by a newer version than this one
    ├── CertificateError           the gate's own certificate cannot be had, read or renewed
    └── ListRefused             a list from the hub may not be applied (signature, revision, digest, expiry)

A message says what happened, where (reader, block, file, row) and what to do next.
A name exists only where a caller acts differently on it.
"""

from portvakt.errors import PortvaktError


class GateError(PortvaktError):
    """Anything the gate reports on purpose."""


class ReaderError(GateError):
    """The card or its reader."""


class ReaderTransient(ReaderError):
    """One exchange failed while the reader itself is well."""


class ReaderLost(ReaderError, ConnectionError):
    """The reader, or the service it hangs on, is away."""


class ReaderHung(ReaderError, TimeoutError):
    """The reader is there and does not answer any more."""


class CodingError(GateError, ValueError):
    """A coding profile or its key file cannot be used."""


class CardImageError(GateError, ValueError):
    """A dump that does not hold a card."""


class WriteRefused(GateError):
    """A card was not written, because of what it holds; nothing in that sector has changed."""


class RelayError(GateError):
    """A lane or a pin cannot be driven."""


class StoreError(GateError):
    """The gate's own databases."""


class StoreFull(StoreError):
    """There is no room for one more record."""


class StoreCorrupt(StoreError):
    """A database file is damaged."""


class StoreNewer(StoreError):
    """A database file comes from a newer version."""


class CertificateError(GateError):
    """The gate's own certificate cannot be had, read or renewed."""


class ListRefused(GateError):
    """A permit list that must not be applied; the message says which rule forbids it."""
