"""Files that are there, whole, when the power comes back: whoever sets up a gate pulls its plug right afterwards."""

import os
import secrets
from pathlib import Path


def write_durably(file: Path, content: bytes, mode: int = 0o644) -> None:
    """Put the file in place of what is there; on disk when this returns. Raises OSError: then nothing has changed."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Names that came or went in the folder are on disk when this returns. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
