"""Files that survive a power cut right after they were written."""

import os
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from portvakt.files import replace_file


def test_the_content_is_on_disk_before_the_name_is(tmp_path: Path, mocker: MockerFixture) -> None:
    file = tmp_path / "hub.pub"
    file.write_bytes(b"before")
    order: list[str] = []
    sync, move = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        order.append(f"synced, {file.read_text()} is there")
        sync(descriptor)

    def moved(draft: Path, to: Path) -> Path:
        order.append(f"{draft.read_text()} moved")
        return move(draft, to)

    mocker.patch("os.fsync", synced)
    mocker.patch.object(Path, "replace", moved)
    replace_file(file, b"after", 0o600)
    assert order == ["synced, before is there", "after moved", "synced, after is there"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path, mocker: MockerFixture) -> None:
    file = tmp_path / "hub.pub"
    file.write_bytes(b"before")
    mocker.patch("os.fsync", side_effect=OSError(28, "No space left on device"))
    with pytest.raises(OSError, match="No space"):
        replace_file(file, b"after", 0o644)
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]
