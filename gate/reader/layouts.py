"""Stripe and QR profiles from the disk."""

from pathlib import Path

from gate.errors import CodingError
from gate.reader.qr import QrLayout, compile_qr
from gate.reader.stripe import StripeLayout, compile_stripe

__all__ = ["load_qr", "load_stripe"]


def load_stripe(path: Path, framing: str = "idle") -> StripeLayout:
    """Read and check a stripe profile. Raises CodingError, which names file, line and key."""
    layout = compile_stripe(_text_of(path), str(path))
    if layout.binary and framing != "idle":
        raise CodingError(f'{path}, form: raw bits may hold any byte, so the reader needs framing = "idle"')
    return layout


def load_qr(path: Path) -> QrLayout:
    """Read and check a QR profile. Raises CodingError, which names file, line and key."""
    return compile_qr(_text_of(path), str(path))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as missing:
        raise CodingError(f"{path}: cannot be read ({missing.strerror})") from missing
    except UnicodeDecodeError as broken:
        raise CodingError(f"{path}: byte {broken.start} is not UTF-8; save the file as UTF-8") from broken
