"""To the printer that the site has set."""

import subprocess
from collections.abc import Sequence

PRINT_S = 20


def sent(command: Sequence[str], body: bytes) -> str:
    """Give it to that command's standard input; returns the complaint, empty when it was taken."""
    try:
        done = subprocess.run(  # noqa: S603  # of the site's own settings
            command, input=body, capture_output=True, timeout=PRINT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as failed:
        return str(failed)
    if done.returncode == 0:
        return ""
    return done.stderr.decode(errors="replace").strip() or f"{command[0]}: {done.returncode}"
