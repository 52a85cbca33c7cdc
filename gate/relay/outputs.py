"""gpiozero at arm's length: which pin factory, which pins, and every failure as a RelayError.

The only file that knows gpiozero and lgpio. Both are imported when a pin is first opened, so that a
gate without pins does not pay for them (95 ms and 11 MB on a desktop machine).
"""

import functools
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from gate.errors import RelayError


@functools.cache
def lgpio_factory() -> Any:
    """The Pi's own pins, by name: gpiozero's silent fall-back to another driver is not used.

    One for the whole process: gpiozero keeps its table of pins per process, bound to the factory that
    made them. Raises RelayError.
    """
    with translated("the Pi's pins", "is this a Raspberry Pi, and may this user open /dev/gpiochip0 (group gpio)?"):
        from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415 - see the module

        factory = LGPIOFactory()
        factory.pin_class = _steady_lgpio_pin()
        return factory


@contextmanager
def translated(what: str, remedy: str) -> Iterator[None]:
    """Turn what gpiozero, lgpio and the kernel raise into a RelayError that says what to do."""
    try:
        yield
    except RelayError:
        raise
    except Exception as broken:
        if not isinstance(broken, _foreign()):
            raise
        raise RelayError(f"{what}: {_sentence(broken)}; {remedy}") from broken


class Output:
    """One output pin, off from the first moment. Not thread-safe: the lane holds its lock.

    Raises RelayError, with the pin in it, from every call but `close`.
    """

    def __init__(
        self, what: str, pin: int, factory: Any, *, active_high: bool = True, on_when_closed: bool = False
    ) -> None:
        """`on_when_closed` is the level that is left behind: see `close`."""
        from gpiozero import OutputDevice  # noqa: PLC0415 - see the module

        self.what = f"{what} on GPIO{pin}"
        self._on_when_closed = on_when_closed
        self.on: bool | None = None
        """What was last written; None when the last write failed and nobody knows."""
        with translated(self.what, _REMEDY):
            self._device = OutputDevice(pin, active_high=active_high, initial_value=False, pin_factory=factory)
        self.on = False

    def write(self, *, on: bool) -> None:
        """Drive the pin."""
        self.on = None
        with translated(self.what, _REMEDY):
            self._device.value = on
        self.on = on

    def close(self) -> None:
        """Drive the pin to the level it is to be left at, then let it go. Raises RelayError after having
        tried both."""
        # A closed pin floats: the relay board's own resistor must mean the same level.
        try:
            self.write(on=self._on_when_closed)
        finally:
            with translated(self.what, _REMEDY):
                self._device.close()


class Contact:
    """One input pin. The callbacks come from gpiozero's thread, for every edge, bounces and all."""

    def __init__(
        self,
        what: str,
        pin: int,
        factory: Any,
        on_active: Callable[[], None],
        on_inactive: Callable[[], None],
        *,
        active_low: bool = True,
    ) -> None:
        from gpiozero import DigitalInputDevice  # noqa: PLC0415 - see the module

        self.what = f"{what} on GPIO{pin}"
        with translated(self.what, _REMEDY):
            # The Pi's own resistor holds an open contact at its rest level: pull_up means active low.
            self._device = DigitalInputDevice(pin, pull_up=active_low, pin_factory=factory)
            self._device.when_activated = on_active
            self._device.when_deactivated = on_inactive

    def read(self) -> bool:
        """Whether the contact is active now. Raises RelayError."""
        with translated(self.what, _REMEDY):
            return bool(self._device.value)

    def close(self) -> None:
        """Let the pin go. Raises RelayError."""
        with translated(self.what, _REMEDY):
            self._device.close()


_REMEDY = "check the wiring, and that nothing else uses this pin, in gate.toml or on the Pi"


def _steady_lgpio_pin() -> type[Any]:
    """gpiozero's lgpio pin, but one that becomes an output at its first level.

    gpiozero 2.0.1 claims the pin as an output, which lgpio does with level 0, and writes the level
    afterwards: a relay that is active low would click at every start of the gate (P7).
    """
    import lgpio  # noqa: PLC0415 - see the module
    from gpiozero.pins.lgpio import LGPIOPin  # noqa: PLC0415 - see the module

    class SteadyLgpioPin(LGPIOPin):  # type: ignore[misc] # gpiozero has no types
        """Direction and level in one kernel call."""

        def output_with_state(self, state: bool) -> None:  # noqa: FBT001 - gpiozero's signature
            # Whatever watches the pin for edges would keep the line claimed as an input.
            self.when_changed = None
            lgpio.gpio_claim_output(self.factory._handle, self._number, int(state))

    return SteadyLgpioPin


def _foreign() -> tuple[type[BaseException], ...]:
    """What gpiozero and the layers under it raise when a pin cannot be driven."""
    foreign: list[type[BaseException]] = [OSError, ImportError]
    for module, name in (("gpiozero.exc", "GPIOZeroError"), ("lgpio", "error")):
        with suppress(ImportError):
            foreign.append(getattr(importlib.import_module(module), name))
    return tuple(foreign)


def _sentence(broken: BaseException) -> str:
    return str(broken).strip().strip("'\"") or type(broken).__name__
