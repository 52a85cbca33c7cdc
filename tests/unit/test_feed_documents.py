"""`docs/feed/` is as the code is; every example in it fits the schemas, and so does whatever else the feed says."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker, ValidationError

from hub.central.happening import ALARM_CLEARED, ALARM_RAISED, BY_HAND, PASSAGE, Happening, Stream
from hub.central.receivers.feed import FeedSettings, feed_settings
from hub.central.receivers.feed_messages import Kind, Profile, Voice, decode, encode, kinds_of, schema_of, type_of
from hub.central.registry import TargetPlace
from hub.central.siblings.book import believed
from hub.config import HubConfig
from hub.presence import CardKey, Certainty
from hub.records import CrewMember
from portvakt.settings import parse
from tests.feed_documents import FOLDER, book_schema, contents_schema, documents, event_schema, stored_examples, text_of
from tests.generated import DOCS, ROOT

EXAMPLES = stored_examples()
WHOLE = Draft202012Validator(event_schema(), format_checker=FormatChecker())
CONTENTS = {
    schema_of(kind): Draft202012Validator(contents_schema(kind), format_checker=FormatChecker()) for kind in Kind
}
PARSER_FOLDER = ROOT / "var" / "node"
CHECK = """
const { Parser } = require('@asyncapi/parser');
let text = ''; process.stdin.on('data', piece => text += piece).on('end', async () => {
  const { document, diagnostics } = await new Parser().parse(text);
  const told = diagnostics.map(one => ({ severity: one.severity, code: one.code, message: one.message }));
  console.log(JSON.stringify({ understood: document !== undefined, told }));
});
"""


@pytest.mark.parametrize("name", documents(EXAMPLES))
def test_a_document_is_as_the_code_is(name: str) -> None:
    """When this fails: `make docs`, then look at what changed. What is in the field already may only grow."""
    assert (FOLDER / name).read_text(encoding="utf-8") == text_of(documents(EXAMPLES)[name])


def test_no_document_is_left_over() -> None:
    kept = {str(file.relative_to(FOLDER)) for file in FOLDER.rglob("*.json") if file.parent.name != "examples"}
    assert kept == set(documents(EXAMPLES))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_fits_the_schemas(name: str) -> None:
    example = EXAMPLES[name]
    WHOLE.validate(example)
    CONTENTS[example["dataschema"]].validate(example["data"])
    assert decode(json.dumps(example).encode()).id == example["id"]


def test_there_is_an_example_of_every_kind_and_every_profile() -> None:
    assert {example["type"] for example in EXAMPLES.values()} == {type_of(kind) for kind in Kind}
    assert {example["data"]["personal"] for example in EXAMPLES.values()} == set(Profile)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"specversion": "0.3"},
        {"id": 7},
        {"type": "no.portvakt.feed.alarm.v1"},
        {"time": "yesterday"},
        {"data": {}},
    ],
    ids=lambda one: next(iter(one)),
)
def test_the_schema_refuses_what_is_wrong(spoilt: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WHOLE.validate(EXAMPLES["passage-entry"] | spoilt)


@given(
    kind=st.sampled_from([PASSAGE, "passage.forced", "badge.refused", BY_HAND, ALARM_RAISED, ALARM_CLEARED]),
    profile=st.sampled_from(Profile),
    certainty=st.sampled_from(Certainty),
    number=st.none() | st.from_regex(r"[0-9A-Z]{1,20}", fullmatch=True),
    place=st.none() | st.sampled_from(["", "site", "site/tunnel"]),
    name=st.none() | st.text(max_size=80),
    at_ms=st.integers(0, 4_102_444_800_000),
)
def test_whatever_the_feed_says_fits_the_schemas(
    *,
    kind: str,
    profile: Profile,
    certainty: Certainty,
    number: str | None,
    place: str | None,
    name: str | None,
    at_ms: int,
) -> None:
    what = Happening(
        "b9706507-7c7f-5df4-98c9-763ad3effccd", Stream("north", "aa"), 1, kind, at_ms, at_ms,
        card=CardKey("hms", number) if number else None, direction="entry" if place else "exit", zone=place,
        certainty=certainty, gate="north", warnings=("expires_soon",), detail={"alarm": "a", "what": name or ""},
    )  # fmt: skip
    holder = None if name is None else CrewMember("hms", "1", name, name, "100000008", "1990-02-11", name)
    for told_of in kinds_of(what):
        event = json.loads(encode(told_of, what, holder, Voice("yard", profile, b"k" * 32)))
        WHOLE.validate(event)
        CONTENTS[event["dataschema"]].validate(event["data"])


def checked(text: str) -> Any:
    """What AsyncAPI's own parser says of a document."""
    node = shutil.which("node")
    folders = [str(PARSER_FOLDER / "node_modules"), *os.environ.get("NODE_PATH", "").split(os.pathsep)]
    if not node or not any(Path(folder, "@asyncapi", "parser").is_dir() for folder in folders if folder):
        pytest.skip("make asyncapi brings the parser")
    done = subprocess.run(
        [node, "-e", CHECK], input=text, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "NODE_PATH": os.pathsep.join(folders)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_asyncapi_s_own_parser_takes_the_document() -> None:
    """That 3.1 is out is all that it may remark."""
    found = checked((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
    assert found["understood"]
    assert [one for one in found["told"] if one["code"] != "asyncapi-latest-version"] == []


def test_asyncapi_s_own_parser_would_say_so() -> None:
    document = documents(EXAMPLES)["asyncapi.json"]
    document["channels"]["feed"]["parameters"] = {}
    found = checked(text_of(document))
    assert [one["code"] for one in found["told"] if one["severity"] == 0] == ["asyncapi3-channel-parameters"]


@pytest.mark.parametrize("kind", Kind)
def test_the_examples_of_the_asyncapi_document_fit_its_own_schemas(kind: Kind) -> None:
    """The parser does not look at them."""
    document = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
    message = document["components"]["messages"][kind]
    validator = Draft7Validator({**message["payload"], "components": document["components"]})
    assert message["examples"]
    for example in message["examples"]:
        validator.validate(example["payload"])
        with pytest.raises(ValidationError):
            validator.validate(example["payload"] | {"id": 7})


def test_the_list_of_blocks_in_the_document_fits_its_schemas_and_is_signed() -> None:
    document = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
    message = document["components"]["messages"]["blocks"]
    (example,) = (one["payload"] for one in message["examples"])
    validator = Draft7Validator({**message["payload"], "components": document["components"]})
    validator.validate(example)
    with pytest.raises(ValidationError):
        validator.validate(example | {"signature": 7})
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"an example's key").digest()).public_key()
    assert [one.state for one in believed(json.dumps(example).encode(), {"kvartal-7": key}).cards] == [
        "lifted",
        "blocked",
    ]
    book = json.loads(base64.b64decode(example["data_base64"]))
    Draft202012Validator(book_schema()).validate(book)
    with pytest.raises(ValidationError):
        Draft202012Validator(book_schema()).validate(book | {"cards": [{"scheme": "hms"}]})


PAGE = (DOCS / "feed.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL), ids=["trial", "client"])
def test_a_block_of_settings_can_be_copied_as_it_stands(tmp_path: Path, block: str) -> None:
    key = tmp_path / "hub.credentials" / "pseudonyms.key"
    key.parent.mkdir()
    key.write_text("k" * 64)
    key.chmod(0o600)
    config = parse(f'site = "a"\n{block}', HubConfig, "page")
    (target,) = config.targets
    place = TargetPlace(target.name, "a", target.settings, tmp_path / "hub.toml", ZoneInfo("Europe/Oslo"))
    assert feed_settings(place).host == tomllib.loads(block)["targets"][0]["settings"]["host"]


def test_every_setting_of_a_feed_is_explained() -> None:
    explained = set(re.findall(r"^(?:# )?(\w+) = ", PAGE, re.MULTILINE)) | {"ca_file", "keepalive_s"}
    assert set(FeedSettings.__struct_fields__) <= explained
