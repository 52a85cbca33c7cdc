"""The hub's settings: the example is whole, and whatever is wrong is told by file, line and key."""

import re
from pathlib import Path

import pytest

from hub.central.receivers.feed import FeedSettings
from hub.config import (
    HubConfig,
    NeighbourSettings,
    PostgresAddress,
    QualificationSettings,
    TargetSettings,
    database,
    find_config,
    load_config,
    signing_key_file,
    warnings,
)
from portvakt.errors import SettingsError

EXAMPLE = Path("config/hub.toml")
TARGET = '[[targets]]\nname = "client"\nkind = "feed"\n'


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "hub.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_example_is_in_order() -> None:
    """A clean clone runs with it: nothing but the built-in broker, and the defaults everywhere else."""
    config = load_config(EXAMPLE)
    assert config.broker.embedded
    assert config.list == HubConfig(site="any").list


def test_the_example_names_every_setting() -> None:
    """No setting is undocumented, and none that is documented has gone."""
    text = EXAMPLE.read_text(encoding="utf-8")
    named = set(re.findall(r"^(?:# )?([a-z_]+) = ", text, re.MULTILINE)) | set(
        re.findall(r"^(?:# )?\[+(?:\w+\.)?(\w+)\]", text, re.MULTILINE)
    )
    config = load_config(EXAMPLE)
    tables = (
        config,
        config.broker,
        config.list,
        config.clones,
        config.crew,
        config.crew.source,
        config.requirements,
        config.enrolment,
        config.ingest,
        config.presence,
        config.retention,
        config.list15,
        config.card_register,
        config.companies,
        config.reports,
        config.console,
        config.console.web,
        QualificationSettings,
        TargetSettings,
        FeedSettings,
        NeighbourSettings,
        config.confirmations,
        config.all_sites,
    )
    known = {name for table in tables for name in table.__struct_fields__}
    assert named == known


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"hub\.toml, \(top of the file\): the setting `site` is missing"),
        ('site = "Yard 1"', r"line 1, site: "),
        ('site = "yard"\n[list]\nvalid_days = 3', r"line 3, list\.valid_days: no such setting"),
        ('site = "yard"\n[enrolment]\njoin_port = 8883', r"line 3, enrolment\.join_port: the same as"),
        ('site = "yard"\n[enrolment]\nhost = "a b"', r"line 3, enrolment\.host: "),
        ('site = "yard"\n[list]\nvalid_h = 0.01', r"list\.valid_h: shorter than two heartbeats"),
        ('site = "yard"\nlog_level = "loud"', r"log_level: 'loud' is none of"),
        ('site = "yard"\ndatabase = "mysql://db/yard"', r"line 2, database: not of the form postgresql://"),
        ('site = "yard"\ndatabase = "postgresql://db:x/yard"', r"line 2, database: not of the form postgresql://"),
        ('site = "yard"\ndatabase = "postgresql://u:secret@db/yard"', r"line 2, database: holds a password; put it"),
        ('site = "yard"\ndatabase_password_file = "p"', r"line 2, database_password_file: SQLite has no password"),
        ('site = "yard"\n[ingest]\nshared = true', r"line 3, ingest\.shared: several processes need a PostgreSQL"),
        (f'site = "yard"\n{2 * TARGET}', r"line 6, targets\.1\.name: there are two of 'client'"),
        (f'site = "yard"\n{TARGET}since = "2026-13-01"', r"line 5, targets\.0\.since: '2026-13-01' is not a date"),
        (
            'site = "yard"\n[presence]\ntime_zone = "Europe"',
            r"line 3, presence\.time_zone: 'Europe' is not a time zone",
        ),
        ('site = "yard"\n[broker]\nport = 70000', r"broker\.port: 70000 is not a TCP port"),
        ('site = "yard"\n[broker]\nkeepalive_s = 0', r"broker\.keepalive_s: at least 1 second"),
        ('site = "yard"\n[broker]\nembedded = true\nca_file = "ca.pem"', r"broker\.embedded: .* run Mosquitto"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, told: str) -> None:
    """File, line, key, and what was expected."""
    with pytest.raises(SettingsError, match=told):
        load_config(written(tmp_path, text))


def test_a_target_that_waits_for_a_source_that_is_not_there_is_warned_of(tmp_path: Path) -> None:
    """A misspelt name would mean that nothing an app has seen is ever told."""
    source = '[[sources]]\nname = "ditio"\nkind = "mapped"\n'
    told = '[targets.settings]\nreported_from = ["ditio", "smartdock"]\n'
    (warning,) = warnings(load_config(written(tmp_path, f'site = "yard"\n{TARGET}{told}{source}')))
    assert "targets.client.settings.reported_from: 'smartdock' is the name of no [[sources]]" in warning
    odd = "[targets.settings]\nreported_from = [[7]]\n"
    assert warnings(load_config(written(tmp_path, f'site = "yard"\n{TARGET}{odd}'))) == []


def test_files_are_beside_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key file is looked for beside the settings; state goes where systemd says."""
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/portvakt-hub")
    config = load_config(written(tmp_path, 'site = "yard"\nsigning_key = "own.pem"'))
    assert signing_key_file(config) == tmp_path / "own.pem"
    assert database(config) == Path("/var/lib/portvakt-hub/hub.sqlite3")
    assert signing_key_file(HubConfig(site="yard")) == Path("/var/lib/portvakt-hub/signing-key.pem")


def test_where_settings_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable first; without any file the message says where it looked."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hub.config.SEARCHED", ("config/hub.toml",))
    monkeypatch.delenv("PORTVAKT_HUB_CONFIG", raising=False)
    with pytest.raises(SettingsError, match=r"config/hub\.toml"):
        find_config()
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "hub.toml").touch()
    assert find_config() == Path("config/hub.toml")
    monkeypatch.setenv("PORTVAKT_HUB_CONFIG", "other.toml")
    assert find_config() == Path("other.toml")


def test_postgresql_is_an_address_and_a_file_with_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings may be read by all, so the password is beside them, or systemd's."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    text = 'site = "yard"\ndatabase = "postgresql://hub@db/yard?sslmode=verify-full"\ndatabase_password_file = '
    for named, meant in (("db.password", "db.password"), ("credential:db", "hub.credentials/db")):
        config = load_config(written(tmp_path, f'{text}"{named}"'))
        assert database(config) == PostgresAddress(
            url="postgresql://hub@db/yard?sslmode=verify-full", password_file=str(tmp_path / meant)
        )
