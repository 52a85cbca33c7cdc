"""The hub's errors, one tree.

PortvaktError                   (portvakt.errors: the root of all we raise on purpose)
└── HubError
    ├── CrewListError           a crew list cannot be read at all (its bad rows are values, not errors)
    ├── StoreError              the database: no room, locked, not a database; nothing was committed
    │   └── StoreNewer          it was written by a newer version than this one
    ├── KeyFileError            the signing key cannot be read or made
    ├── EnrolmentError          a gate cannot be enrolled, or revoked, as asked
    ├── OfficeError             what a person at the site asked for does not fit what the hub knows; nothing was written
    ├── RegisterError           a register that was asked by hand has not answered, or cannot be asked
    ├── FeedError               the feed's broker cannot be listened to, or there is no feed
    ├── PaperError              a page cannot be made or written
    ├── ListenError             the numbers cannot be served at the address that was asked for
    ├── EmbeddedBrokerError     the built-in broker cannot run here
    └── AnotherHub              a second hub of the same site is on line

A message says what happened, where (file, row, table) and what to do next.
A name exists only where a caller acts differently on it.
"""

from portvakt.errors import PortvaktError


class HubError(PortvaktError):
    """Anything the hub reports on purpose."""


class CrewListError(HubError, ValueError):
    """A crew list as a whole cannot be used."""


class StoreError(HubError):
    """The database did not do what was asked; nothing of it was committed."""


class StoreNewer(StoreError):
    """The database comes from a newer version."""


class KeyFileError(HubError):
    """The signing key cannot be read or made."""


class EnrolmentError(HubError):
    """A gate cannot be enrolled, or revoked, as asked."""


class OfficeError(HubError, ValueError):
    """What a person asked for does not fit what is known."""


class RegisterError(HubError):
    """A register could not be asked."""


class FeedError(HubError):
    """The feed's broker cannot be listened to, or there is no feed."""


class PaperError(HubError):
    """A page cannot be made or written."""


class ListenError(HubError):
    """An address cannot be listened on."""


class EmbeddedBrokerError(HubError):
    """The built-in broker cannot run here."""


class AnotherHub(HubError):
    """Another hub of the same site is on line; two of them would contradict each other."""
