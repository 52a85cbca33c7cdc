"""Key files: no key gets out, and no real key lies about."""

from pathlib import Path

import pytest

from gate.errors import CodingError
from gate.reader.mifare import Key
from gate.reader.profiles import KeyFile, load_coding, load_keys, load_pair

CODING = Path(__file__).parents[2] / "config" / "coding"
DIGITS = "A0A1A2A3A4A5"


def key_file(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "keys.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_keys_come_by_name(tmp_path: Path) -> None:
    keys = load_keys(key_file(tmp_path, f'[keys]\nread = "{DIGITS}"\n'))
    assert keys == {"read": Key(bytes.fromhex(DIGITS))}
    assert DIGITS.lower() not in repr(keys).lower()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_of_real_keys_that_others_may_read_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, f'[keys]\nread = "{DIGITS}"\n', mode)
    with pytest.raises(CodingError, match=rf"chmod 600 {path}") as refused:
        load_keys(path)
    assert DIGITS not in str(refused.value)


def test_published_test_keys_may_lie_open(tmp_path: Path) -> None:
    assert load_keys(key_file(tmp_path, f'test_keys = true\n[keys]\nread = "{DIGITS}"\n', 0o644))


@pytest.mark.parametrize(
    "text",
    [
        f'[keys]\nread = "{DIGITS}00"\n',
        f'[keys]\nread = "{DIGITS[:-1]}"\n',
        f'[keys]\nread = "{DIGITS[:-1]}G"\n',
        f'[keys]\nread = ["{DIGITS}"]\n',
        f"[keys]\nread = {DIGITS}\n",
        f'[keys]\nread = "{DIGITS}\n',
        f'[key]\nread = "{DIGITS}"\n',
    ],
)
def test_a_wrong_key_file_is_told_without_the_key(tmp_path: Path, text: str) -> None:
    path = key_file(tmp_path, text)
    with pytest.raises(CodingError) as refused:
        load_keys(path)
    assert str(refused.value).startswith(str(path))
    assert DIGITS[:-1] not in str(refused.value)


def test_a_key_file_in_memory_shows_names_only() -> None:
    assert repr(KeyFile(keys={"read": DIGITS})) == "KeyFile(read)"


def test_a_key_that_the_profile_needs_and_the_file_lacks_is_named(tmp_path: Path) -> None:
    path = key_file(tmp_path, f'[keys]\nother = "{DIGITS}"\n')
    with pytest.raises(CodingError, match="no key 'demo-read'"):
        load_pair(CODING / "demo.toml", path)


@pytest.mark.parametrize(("content", "says"), [(None, "cannot be read"), (b"\xff\xfe", "byte 0 is not UTF-8")])
def test_a_profile_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "p.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CodingError, match=says):
        load_coding(path)


def test_the_repository_holds_test_keys_only() -> None:
    for path in CODING.glob("*keys*.toml"):
        assert "test_keys = true" in path.read_text()
        assert load_keys(path)
