"""Who may do what, who somebody is, and what mends a refusal."""

from pathlib import Path

import pytest

from hub.config import ConsoleSettings, HubConfig
from hub.console.mending import Advice, Mend, advice
from hub.console.registry import PAGES, pages_for
from hub.console.roles import RIGHTS, Right, Role, in_browser, may, role_of
from hub.console.texts import Text
from hub.console_cli import language_of, role_here, user_here
from hub.explanation import Why
from hub.records import Block


def test_each_role_may_what_the_one_below_may_and_the_inspector_the_list_alone() -> None:
    assert RIGHTS[Role.VIEWER] < RIGHTS[Role.GUARD] < RIGHTS[Role.MANAGER] == frozenset(Right)
    assert RIGHTS[Role.INSPECTOR] == {Right.SEE_LEGAL_LIST}
    assert [kind.name for kind in pages_for(Role.INSPECTOR)] == ["legal"]
    assert pages_for(Role.VIEWER) == tuple(PAGES)
    assert not may(Role.GUARD, Right.DECIDE)


def test_who_is_named_twice_is_the_lesser_and_who_is_not_named_is_the_settings_choice() -> None:
    named = {Role.MANAGER: ("kari", "ola"), Role.GUARD: ("ola",), Role.INSPECTOR: ("arne",)}
    assert [role_of(user, named, Role.VIEWER) for user in ("kari", "ola", "arne", "liv")] == [
        Role.MANAGER, Role.GUARD, Role.INSPECTOR, Role.VIEWER,
    ]  # fmt: skip
    config = HubConfig(site="yard", console=ConsoleSettings(managers=("kari",), everybody_else="inspector"))
    assert role_here(config, "kari") is Role.MANAGER
    assert role_here(config, "liv") is Role.INSPECTOR


def test_in_a_browser_that_nobody_asks_for_a_password_nothing_can_be_pressed() -> None:
    assert {in_browser(role, trusted=False) for role in Role} == {Role.VIEWER, Role.INSPECTOR}
    assert [in_browser(role, trusted=True) for role in Role] == list(Role)


def test_a_user_is_who_logged_in_and_not_what_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = tmp_path / "loginuid"
    monkeypatch.setenv("USER", "kari")
    monkeypatch.setenv("LOGNAME", "kari")
    monkeypatch.setenv("SUDO_USER", "kari")
    login.write_text("0")
    assert user_here(login) == "root"
    login.write_text("123456")
    assert user_here(login) == "uid 123456"
    login.write_text("4294967295")
    monkeypatch.setattr("os.getuid", lambda: 654321)
    assert user_here(login) == "uid 654321"
    # Root may do everything; whom it names may be believed.
    monkeypatch.setattr("os.getuid", lambda: 0)
    assert user_here(tmp_path / "none") == "kari"


@pytest.mark.parametrize(
    ("lang", "language"), [("nb_NO.UTF-8", "nb"), ("nn_NO", "nb"), ("en_GB.UTF-8", "en"), ("C", "en"), ("", "en")]
)
def test_the_language_is_the_terminals(monkeypatch: pytest.MonkeyPatch, lang: str, language: str) -> None:
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LANG", lang)
    assert language_of(None) == language
    assert language_of("nb") == "nb"


def why(answer: str, block: Block | None = None) -> Why:
    return Why("hms:1", None, None, None, answer, None, 1, None, None, None, (), block, (), (), ())


@pytest.mark.parametrize(
    ("answer", "said", "approved_here", "wanted"),
    [
        ("unknown_card", "unknown_card", False, Advice(Mend.APPROVE)),
        ("not_on_crew_list", "not_on_crew_list", False, Advice(Mend.APPROVE)),
        ("outside_period", "outside_period", True, Advice(Mend.EXTEND)),
        ("outside_period", "outside_period", False, Advice(elsewhere=Text.MEND_PERIOD)),
        ("granted", "already_inside", False, Advice(Mend.CHECK_OUT)),
        ("granted", "lane_closed", False, Advice(Mend.NORMAL)),
        ("granted", "short_rest", False, Advice(elsewhere=Text.MEND_RULE)),
        ("granted", "unknown_card", False, Advice(Mend.NOTHING_LEFT)),
        ("granted", None, False, Advice(Mend.NOTHING_LEFT)),
        ("expired", "expired", False, Advice(elsewhere=Text.MEND_EXPIRED)),
        ("cancelled", "cancelled", False, Advice(elsewhere=Text.MEND_ISSUER)),
        ("training_missing", "training_missing", False, Advice(elsewhere=Text.MEND_LIST)),
        ("blocked", "blocked", False, Advice(elsewhere=Text.MEND_LIST)),
    ],
)
def test_what_mends_a_refusal(answer: str, said: str | None, approved_here: bool, wanted: Advice) -> None:
    assert advice(why(answer), said, approved_here=approved_here) == wanted


def test_a_block_of_this_hub_comes_before_everything() -> None:
    block = Block("hms", "1", "lost", "kari", 1)
    assert advice(why("blocked", block), "blocked", approved_here=False) == Advice(Mend.UNBLOCK)
    assert advice(why("blocked", block), None, approved_here=True) == Advice(Mend.UNBLOCK)
