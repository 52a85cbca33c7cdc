"""Profiles of what is no chip, from the disk: stripes, QR codes, OSDP; and the keys of OSDP readers."""

from pathlib import Path

from gate.errors import CodingError
from gate.reader.qr import QrLayout, compile_qr
from gate.reader.stripe import StripeLayout, compile_stripe
from gate.reader.wiegand import OsdpLayout, compile_osdp
from portvakt.credentials import seen_by_others

SCBK_BYTES = 16
DEFAULT_SCBK = bytes(range(0x30, 0x40))
"""SCBK-D: the key that every peripheral has until it is given another, published in the standard."""


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


def load_osdp(path: Path) -> OsdpLayout:
    """An OSDP profile. Raises CodingError."""
    return compile_osdp(_text_of(path), str(path))


def load_scbk(path: Path) -> bytes:
    """A secure channel base key. Raises CodingError, which never holds it."""
    try:
        text = path.read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except OSError as missing:
        raise CodingError(f"{path}: cannot be read ({missing.strerror})") from missing
    except ValueError:
        key = b""
    if len(key) != SCBK_BYTES:
        raise CodingError(f"{path}: a secure channel base key is {2 * SCBK_BYTES} hexadecimal digits")
    if key == DEFAULT_SCBK:
        raise CodingError(f"{path}: this is the default key of every reader; make one: openssl rand -hex 16")
    mode = seen_by_others(path)
    if mode:
        raise CodingError(f"{path}: others on this machine may read this key (mode {mode:04o}); run `chmod 600 {path}`")
    return key
