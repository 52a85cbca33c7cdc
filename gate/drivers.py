"""The drivers by the names that the settings use. Each is imported only when it is asked for: a gate loads
what it has, and a package that is missing is named with what installs it.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from gate.config import (
    GateConfig,
    GpioLane,
    MusterPoint,
    OsdpReader,
    PcscReader,
    Pn532Reader,
    QrReader,
    ReaderSettings,
    StripeReader,
    VirtualLane,
    VirtualReader,
)
from gate.errors import ReaderError, RelayError
from gate.model import Medium
from gate.muster_sign import lamps_of
from gate.ports import Lane, Panel, Reader
from gate.reader import qr, stripe
from gate.reader.layouts import load_qr, load_stripe


def new_lane(settings: GpioLane | VirtualLane) -> Lane:
    """The driver that the settings name. Raises RelayError."""
    match settings:
        case GpioLane():
            try:
                from gate.relay.pins import GpioLane as Driver
            except ImportError as missing:
                raise RelayError(
                    f"lane {settings.name!r} asks for driver gpio, but {missing.name} is not installed: "
                    "pip install 'portvakt[gate]'"
                ) from missing
            return Driver(settings)
        case VirtualLane():
            from gate.simulator.turnstile import VirtualTurnstile

            return VirtualTurnstile(settings.name)


def new_lamps(settings: MusterPoint) -> Lane | None:
    """Lamps and buzzer of an assembly point; None when none is wired. Raises RelayError."""
    lamps = lamps_of(settings)
    return new_lane(lamps) if lamps is not None else None


def new_panel(config: GateConfig) -> Panel | None:
    """The site's own contacts; None when none is wired. Raises RelayError."""
    if config.fire.loop_pin is None and config.fire.key_pin is None and not config.side_gates:
        return None
    from gate.relay.panel import GpioPanel

    return GpioPanel(config.fire, config.side_gates)


def new_readers(all_settings: Sequence[ReaderSettings]) -> list[Reader]:
    """The drivers of one gate, in the order of its settings. Raises ReaderError, CodingError."""
    osdp = [settings for settings in all_settings if isinstance(settings, OsdpReader)]
    # Those on one line share it, so they are made together.
    made = {reader.name: reader for reader in _osdp_readers(osdp)} if osdp else {}
    return [made.get(settings.name) or new_reader(settings) for settings in all_settings]


def _osdp_readers(all_settings: Sequence[OsdpReader]) -> Sequence[Reader]:
    try:
        from gate.reader.osdp import on_buses
    except ImportError as missing:
        raise ReaderError(
            f"reader {all_settings[0].name!r} asks for driver osdp, but {missing.name} is not installed: "
            "pip install 'portvakt[osdp]'"
        ) from missing
    return on_buses(all_settings)


def new_reader(settings: ReaderSettings) -> Reader:
    """The driver that the settings name. Raises ReaderError, CodingError."""
    match settings:
        case PcscReader():
            try:
                from gate.reader.pcsc import PcscReader as Driver
            except ImportError as missing:
                raise ReaderError(
                    f"reader {settings.name!r} asks for driver pcsc, but {missing.name} is not installed: "
                    "pip install 'portvakt[gate]', or Debian's python3-pyscard"
                ) from missing
            return Driver(settings)
        case Pn532Reader():
            try:
                from gate.reader.pn532 import Pn532Reader as Pn532Driver
            except ImportError as missing:
                raise ReaderError(
                    f"reader {settings.name!r} asks for driver pn532, but {missing.name} is not installed: "
                    "pip install 'portvakt[gate]'"
                ) from missing
            return Pn532Driver(settings)
        case OsdpReader():
            return _osdp_readers([settings])[0]
        case StripeReader() | QrReader():
            return _serial_reader(settings)
        case VirtualReader():
            from gate.simulator.reader import VirtualReader as Simulated

            return Simulated(settings)


def _serial_reader(settings: StripeReader | QrReader) -> Reader:
    layout = load_layout(settings)
    try:
        from gate.reader.uart import SerialReader
    except ImportError as missing:
        raise ReaderError(
            f"reader {settings.name!r} asks for a serial line, but {missing.name} is not installed: "
            "pip install 'portvakt[gate]', or Debian's python3-serial"
        ) from missing
    match layout:
        case stripe.StripeLayout():
            return SerialReader(settings, Medium.STRIPE, partial(stripe.decode, layout), binary=layout.binary)
        case qr.QrLayout():
            return SerialReader(settings, Medium.QR, partial(qr.decode, layout))


def load_layout(settings: StripeReader | QrReader) -> stripe.StripeLayout | qr.QrLayout:
    """The profile of a reader on a serial line. Raises CodingError."""
    path = Path(settings.layout)
    return load_stripe(path, settings.framing) if isinstance(settings, StripeReader) else load_qr(path)
