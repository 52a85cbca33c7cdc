"""Where the gate's settings file is looked for. Pure but for asking which files exist."""

import os
from pathlib import Path

DEFAULT_CONFIGS = ("/etc/portvakt/gate.toml", "config/gate.toml")


def config_path(named: Path | None) -> Path:
    """The settings file that is meant: the one named, $PORTVAKT_GATE_CONFIG, or the first that is there."""
    if named is not None:
        return named
    candidates = [Path(place) for place in (os.environ.get("PORTVAKT_GATE_CONFIG"), *DEFAULT_CONFIGS) if place]
    return next((path for path in candidates if path.exists()), candidates[-1])
