"""The package, as far as it can be seen without building it: `make appliance` builds and runs it."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
DEBIAN = PACKAGING / "debian"
MAINTAINER = [DEBIAN / name for name in ("postinst", "prerm", "postrm")]
SCRIPTS = [*sorted(PACKAGING.glob("*.sh")), *MAINTAINER, *sorted((ROOT / "tests" / "appliance").glob("*.sh"))]
SHELLCHECK = shutil.which("shellcheck")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_the_shell_takes_every_script(script: Path) -> None:
    done = subprocess.run(["sh", "-n", str(script)], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert script.read_text(encoding="utf-8").startswith("#!/bin/sh\n")


@pytest.mark.skipif(SHELLCHECK is None, reason="shellcheck is not installed")
def test_shellcheck_finds_nothing() -> None:
    assert SHELLCHECK
    done = subprocess.run([SHELLCHECK, *map(str, SCRIPTS)], capture_output=True, text=True, check=False)
    assert done.stdout == ""


@pytest.mark.parametrize("script", MAINTAINER, ids=lambda script: script.name)
def test_a_maintainers_script_stops_at_the_first_failure(script: Path) -> None:
    assert script.read_text(encoding="utf-8").splitlines()[1] == "set -eu"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_library_of_the_package_has_its_version() -> None:
    lines = (PACKAGING / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {normal(line.partition("==")[0]) for line in lines if "==" in line}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *(one for extra in ("gate", "osdp", "hub", "console", "postgres", "screen") for one in extras[extra]),
    ]
    for requirement in wanted:
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        assert name
        assert normal(name[0]) in pinned


def test_nothing_is_removed_that_nobody_agreed_to() -> None:
    script = (DEBIAN / "postrm").read_text(encoding="utf-8")
    assert re.findall(r"^Default: (\w+)$", (DEBIAN / "templates").read_text(encoding="utf-8"), re.MULTILINE) == [
        "false"
    ]
    before, guard, after = script.partition('if [ "$gone" = true ]; then\n')
    assert guard
    assert "/var/lib/" not in before
    assert "rm -r" not in before
    assert "rm -rf /var/lib/portvakt /var/lib/portvakt-hub" in after.partition("else")[0]


@pytest.mark.parametrize(
    "words", [["remove"], ["upgrade", "2"], ["failed-upgrade", "1"], ["abort-install"], ["disappear"]]
)
def test_only_a_purge_removes_anything(words: list[str], tmp_path: Path) -> None:
    """postrm, with commands that only tell they were called."""
    for name in ("rm", "rmdir", "systemctl"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} >&2\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", str(DEBIAN / "postrm"), *words], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0
    assert "rm" not in done.stderr.split()


def test_what_is_built_with_one_python_asks_for_that_python() -> None:
    control = (DEBIAN / "control.in").read_text(encoding="utf-8")
    assert "python3 (>= @PYTHON@), python3 (<< @NEXT@)" in control
    assert "libpcsclite1" in control
