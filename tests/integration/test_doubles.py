"""The doubles as programs of their own, as `make demo` and a person trying things out start them."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from portvakt.doubles.__main__ import DOUBLES
from portvakt.doubles.card_register import CLIENT_ID, CLIENT_SECRET, SCOPE


def started(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "portvakt.doubles", *words], stdout=subprocess.PIPE, text=True)


def test_the_card_register_answers_as_its_data_say(tmp_path: Path) -> None:
    file = tmp_path / "cards.json"
    file.write_text(json.dumps({"cards": {"5310027": {"status": "expired"}}}))
    process = started("card-register", "--data", str(file))
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("card-register: a double, on http://127.0.0.1:")
        url = line.split(" on ")[1].partition(";")[0]
        form = {"grant_type": "client_credentials", "scope": SCOPE}
        token = httpx.post(f"{url}/oauth/token", data=form, auth=(CLIENT_ID, CLIENT_SECRET)).json()["access_token"]
        assert httpx.get(f"{url}/v1/cards/5310027/status").status_code == 401
        said = httpx.get(f"{url}/v1/cards/5310027/status", headers={"Authorization": f"Bearer {token}"}).json()
        assert said == {"cardNumber": "5310027", "status": "expired"}
    finally:
        process.terminate()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("name", sorted(DOUBLES))
def test_data_that_cannot_be_read_are_told(name: str, tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    file.write_text("[]")
    done = subprocess.run(
        [sys.executable, "-m", "portvakt.doubles", name, "--data", str(file)],
        capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert done.returncode == 2
    assert "is no JSON object" in done.stderr
