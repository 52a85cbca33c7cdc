"""What to do about a serial line that does not open. Shared by the drivers that have one."""

import errno

from gate.errors import ReaderError, ReaderLost


def refusal(device: str, refused: Exception) -> ReaderError:
    """The error for whoever stands before it: absent is ReaderLost, the rest needs a person."""
    match getattr(refused, "errno", None):
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return ReaderLost(f"{device} is not there; is it plugged in?")
        case errno.EACCES | errno.EPERM:
            return ReaderError(f"{device} may not be opened; put the gate's user into group dialout")
        case errno.EAGAIN | errno.EBUSY:
            return ReaderError(f"{device} is in use by another program")
        case _:
            return ReaderError(f"{device} cannot be opened as a serial line with these settings ({refused})")
