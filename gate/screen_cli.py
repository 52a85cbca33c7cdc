"""`gate screen`: the page on a display at the lane."""

import argparse
import asyncio
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gate.errors import GateError
from gate.model import Decision, Direction, MusterReply, Reason
from portvakt.errors import SettingsError

if TYPE_CHECKING:
    from gate.config import GateConfig
    from gate.relay.display import Face
    from gate.screen.app import LaneScreenApp

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

DEMO_S = 3.0
SILENCE_S = 4.0


def add_commands(subparsers: Subparsers) -> None:
    """Add `screen` to the parser of `gate`."""
    screen = subparsers.add_parser("screen", help="the page on a display at the lane")
    screen.add_argument("--config", type=Path, metavar="FILE", help="settings file of the gate on this machine")
    screen.add_argument("--lane", metavar="NAME", help="which lane; needed when the gate has several")
    screen.add_argument("--muster-point", metavar="NAME", help="an assembly point in place of a lane")
    screen.add_argument("--demo", action="store_true", help="every picture in turn, without a gate")
    screen.set_defaults(run=screen_command)


def screen_command(args: argparse.Namespace) -> int:
    """Show until closed. Raises SettingsError, GateError."""
    try:
        from gate.screen.app import LaneScreenApp
    except ImportError as missing:
        raise GateError(f"{missing.name} is not installed: pip install 'portvakt[screen]'") from missing
    if args.demo:
        asyncio.run(_show(LaneScreenApp(demo_faces, DEMO_S * 10)))
        return 0
    from gate.config import load_config, screen_socket
    from gate.places import config_path

    config = load_config(config_path(args.config))
    path = screen_socket(config, place(config, args.lane, args.muster_point))
    asyncio.run(_show(LaneScreenApp(lambda: faces_from(path), config.screen.seconds)))
    return 0


def place(config: "GateConfig", lane: str | None, point: str | None) -> str:
    """The lane or assembly point that is meant; an only lane needs no naming, nor an only point where no lane is."""
    lanes = [one.name for one in config.lanes]
    points = [one.name for one in config.muster_points]
    if lane is None and point is None and len(lanes or points) == 1:
        return (lanes or points)[0]
    if lane in lanes and point is None:
        return str(lane)
    if point in points and lane is None:
        return str(point)
    choices = [f"--lane {name}" for name in lanes] + [f"--muster-point {name}" for name in points]
    raise SettingsError(f"say which one: {', '.join(choices)}")


async def _show(app: "LaneScreenApp") -> None:
    # Without it the terminal would be left as the page had it.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, app.exit)
    await app.run_async()


async def faces_from(path: Path, silence_s: float = SILENCE_S) -> "AsyncGenerator[Face, None]":
    """The faces that a gate sends; ends when the gate has gone. Raises OSError, msgspec.DecodeError, and
    TimeoutError when the gate is silent: it says something every second while it lives."""
    import msgspec

    from gate.relay.display import Face

    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        while line := await asyncio.wait_for(reader.readline(), silence_s):
            if line.strip():
                yield msgspec.json.decode(line, type=Face)
    finally:
        writer.close()


def demo_pictures() -> "Sequence[Face]":
    """Every picture there is, the answers in several languages."""
    from msgspec.structs import replace

    from gate.relay.display import AT_MUSTER, LOST, answer, muster_answer, of_mode
    from gate.turnstile import Mode

    def refused(reason: Reason, language: str | None) -> "Face":
        return answer(Decision(admitted=False, reason=reason), Direction.ENTRY, language)

    go = Decision(admitted=True, reason=Reason.GRANTED)
    return [
        of_mode(Mode.NORMAL),
        answer(go, Direction.ENTRY, "nb"),
        replace(answer(go, Direction.ENTRY, "pl"), name="Łukasz"),
        answer(Decision(admitted=True, reason=Reason.GRANTED, warnings=(Reason.EXPIRES_SOON,)), Direction.ENTRY, "en"),
        refused(Reason.UNREADABLE, "lt"),
        refused(Reason.EXPIRED, "ro"),
        refused(Reason.TRAINING_MISSING, "nb"),
        refused(Reason.UNKNOWN_CARD, None),
        answer(go, Direction.EXIT, "lt"),
        *(of_mode(mode) for mode in Mode if mode is not Mode.NORMAL),
        AT_MUSTER,
        *(muster_answer(reply, "en") for reply in MusterReply),
        LOST,
    ]


async def demo_faces() -> "AsyncIterator[Face]":
    """Round and round."""
    while True:
        for face in demo_pictures():
            yield face
            await asyncio.sleep(DEMO_S)
