"""Parts of `docs/` that are made from the code: `python -m tests.generated` writes them, a test compares.

    <!-- made from the code: NAME -->
    …
    <!-- end -->

and in ```console blocks, the output of every line that begins with `$ `.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from gate.reader.checks import ALIASES, DIGIT_CHECKS, SUMS
from gate.reader.encodings import ENCODINGS
from gate.turnstile import FREE_WAYS, GRANTED_WAYS, MODE_SIGNALS, TABLE, Mode, Phase, Signal
from hub.central.receivers.feed_messages import CONTENTS, type_of
from hub.metrics import families, labels_of
from tests import feed_documents
from tests.feed_documents import stored_examples, text_of
from tests.sim.watched import NOTHING

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def encodings() -> str:
    """Every encoding of the profile language."""
    rows = ["| `encoding` | the field holds | bytes | also takes |", "|---|---|---|---|"]
    for name, encoding in ENCODINGS.items():
        takes = ", ".join(f"`{one}`" for one in sorted(encoding.takes)) or "–"
        rows.append(f"| `{name}` | {encoding.expects} | {encoding.length or 'any'} | {takes} |")
    return "\n".join(rows)


def checks() -> str:
    """Every check of the profile language."""
    aliases: dict[str, list[str]] = {}
    for alias, name in ALIASES.items():
        aliases.setdefault(name, []).append(f"`{alias}`")
    rows = ["| `kind` | over | bytes | also called |", "|---|---|---|---|"]
    rows += [
        f"| `{name}` | bytes | {kind.length} | {', '.join(aliases.get(name, [])) or '–'} |"
        for name, kind in SUMS.items()
        if name not in ALIASES
    ]
    rows += [f"| `{name}` | the digits of one field | its last digit | – |" for name in DIGIT_CHECKS]
    return "\n".join(rows)


def lane_modes() -> str:
    """The modes of a lane and what leads from one to another."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> normal"]
    for mode in Mode:
        for signal in MODE_SIGNALS:
            (after, _), _ = TABLE[(mode, Phase.REST), signal]
            if after is not mode:
                lines.append(f"    {mode} --> {after}: {signal}")
    return "\n".join([*lines, "```"])


def lane_phases() -> str:
    """One worker in an ordinary lane."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> rest"]
    arrows: dict[tuple[str, str], list[str]] = {}
    for ((mode, phase), signal), ((_, after), effects) in TABLE.items():
        if mode is Mode.NORMAL and signal not in MODE_SIGNALS and effects:
            words = f"{signal} / {', '.join(effects)}"
            arrows.setdefault((phase, after), []).append(words)
    for (left, right), labels in arrows.items():
        lines += [f"    {left} --> {right}: {label}" for label in labels]
    return "\n".join([*lines, "```"])


def lane_table() -> str:
    """The whole table."""
    rows = ["| mode | phase | signal | mode after | phase after | what is done |", "|---|---|---|---|---|---|"]
    for ((mode, phase), signal), ((after, next_phase), effects) in TABLE.items():
        changed = after if after is not mode else "–"
        moved = next_phase if next_phase is not phase else "–"
        rows.append(f"| {mode} | {phase} | {signal} | {changed} | {moved} | {', '.join(effects) or 'nothing'} |")
    return "\n".join(rows)


def lane_ways() -> str:
    """What each mode lets through."""
    rows = ["| mode | turns for everybody | a badge may open |", "|---|---|---|"]
    for mode in Mode:
        free = ", ".join(sorted(FREE_WAYS[mode])) or "–"
        rows.append(f"| {mode} | {free} | {', '.join(sorted(GRANTED_WAYS[mode]))} |")
    assert set(MODE_SIGNALS) < set(Signal)
    return "\n".join(rows)


def numbers() -> str:
    """Every metric of `hub metrics`."""
    rows = ["| metric | labels | |", "|---|---|---|"]
    for family in families(NOTHING):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = ", ".join(f"`{one}`" for one in labels_of(family)) or "–"
        rows.append(f"| `{name}` | {labels} | {family.documentation} |")
    return "\n".join(rows)


def feed_kinds() -> str:
    """What the feed tells of."""
    rows = ["| `type` | told when | `data` |", "|---|---|---|"]
    for kind, contents in CONTENTS.items():
        told = " ".join((contents.__doc__ or "").split())
        rows.append(f"| `{type_of(kind)}` | {told} | [{kind}.json](feed/schemas/{kind}.json) |")
    return "\n".join(rows)


def feed_example() -> str:
    """A message from the run that `tests.feed_run` plays."""
    return "\n".join(["```json", text_of(stored_examples()["passage-entry"]).rstrip(), "```"])


PARTS: Mapping[str, Callable[[], str]] = {
    "encodings": encodings,
    "checks": checks,
    "lane modes": lane_modes,
    "lane phases": lane_phases,
    "lane table": lane_table,
    "lane ways": lane_ways,
    "metrics": numbers,
    "feed kinds": feed_kinds,
    "feed example": feed_example,
}

_PART = re.compile(r"(<!-- made from the code: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_CONSOLE = re.compile(r"(```console\n)(.*?)(```)", re.DOTALL)


def made(text: str) -> str:
    """A page with its made parts as they are now."""
    text = _PART.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}\n{found[3]}", text)
    if "```console" not in text:
        return text
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "config", Path(folder) / "config")
        return _CONSOLE.sub(lambda found: f"{found[1]}{_played(found[2], Path(folder))}{found[3]}", text)


def _played(block: str, folder: Path) -> str:
    """The commands of a block, each with what it prints now; `\\` goes on in the next line."""
    commands = re.findall(r"^\$ ((?:.*\\\n)*.*)\n", block, re.MULTILINE)
    played = []
    for command in commands:
        words = shlex.split(command.replace("\\\n", " "))
        done = subprocess.run(
            [sys.executable, "-m", *words], check=False, cwd=folder, capture_output=True, text=True, timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        )  # fmt: skip
        played.append(f"$ {command}\n{done.stdout}{done.stderr}")
    return "".join(played)


def main() -> None:
    """Write all pages anew."""
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        now = made(text)
        if now != text:
            page.write_text(now, encoding="utf-8")
            print(f"{page.relative_to(ROOT)}: made anew")
    feed_documents.write(stored_examples())


if __name__ == "__main__":
    main()
