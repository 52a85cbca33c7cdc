"""Files that are whole or not there: written beside, synced, and then put into place."""

import contextlib
import os
import secrets
from pathlib import Path


def replace_file(file: Path, content: bytes, mode: int) -> None:
    """Put `content` into place, over whatever was there. A power cut leaves the old file or the new one.

    Raises OSError, also when there is no such folder.
    """
    draft = _draft(file, content, mode)
    try:
        draft.replace(file)
    except OSError:
        draft.unlink()
        raise
    _sync_folder(file.parent)


def make_file(file: Path, content: bytes, mode: int) -> None:
    """Put `content` into place only if nothing is there: of two that do so at once, one wins and both go on.

    The folder is made, too. Raises OSError.
    """
    make_folder(file.parent)
    draft = _draft(file, content, mode)
    try:
        with contextlib.suppress(FileExistsError):
            # Unlike a rename, a link never replaces a file that is there.
            file.hardlink_to(draft)
    finally:
        draft.unlink()
    _sync_folder(file.parent)


def make_folder(folder: Path) -> None:
    """A folder for its owner alone, where there is none. Raises OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        _hand_over(folder)


def _draft(file: Path, content: bytes, mode: int) -> Path:
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        _hand_over(draft)
    except OSError:
        draft.unlink()
        raise
    return draft


def _hand_over(path: Path) -> None:
    """What root makes in a service's folder belongs to that service: it has to read it."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
