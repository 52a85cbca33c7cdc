"""`docs/feed/`: an AsyncAPI 3 document and JSON Schemas from the code, and examples from a run.

`python -m tests.feed_documents` plays the run (it needs Mosquitto) and writes all of it; `python -m tests.generated`
writes what is made from the code alone. Tests compare both. For `make asyncapi` AsyncAPI's own parser reads the
document.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.central.mqtt import CLOUD_EVENT
from hub.central.receivers.feed import FeedSettings
from hub.central.receivers.feed_messages import CONTENTS, EVENTS, VERSION, FeedEvent, Kind, schema_of, type_of
from hub.central.siblings.book import SCHEMA, TYPE, BlocksEvent, Book, book_of, sealed
from hub.central.siblings.settings import TellSettings
from hub.records import ToldBlock

FOLDER = Path(__file__).parents[1] / "docs" / "feed"
EXAMPLES = FOLDER / "examples"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
BLOCKS = "blocks"
TITLES = {
    Kind.PASSAGE: "A body went through a turnstile",
    Kind.REFUSAL: "A card was shown, and the lane stayed shut",
    Kind.ROSTER: "Somebody came or went",
    Kind.ALARM: "Something is wrong, or is no longer",
}


def documents(examples: Mapping[str, Any]) -> dict[str, Any]:
    """File below `docs/feed/`: what stands in it."""
    found: dict[str, Any] = {f"schemas/{kind}.json": contents_schema(kind) for kind in Kind}
    found["schemas/blocks.json"] = book_schema()
    return found | {"schemas/event.json": event_schema(), "asyncapi.json": asyncapi(examples)}


def stored_examples() -> dict[str, Any]:
    """Those that are kept, by name; in the order in which they are shown."""
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(EXAMPLES.glob("*.json"))}


def text_of(document: Any) -> str:
    """As it stands in its file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def contents_schema(kind: Kind) -> dict[str, Any]:
    """Of `data`; CloudEvents' `dataschema` names it."""
    (shape,), parts = msgspec.json.schema_components([CONTENTS[kind]], ref_template="#/$defs/{name}")
    whole = parts.pop(shape["$ref"].rpartition("/")[2])
    return {"$schema": DRAFT, "$id": schema_of(kind), **whole, "$defs": parts}


def book_schema() -> dict[str, Any]:
    """Of what stands in `data_base64` of a list of blocks."""
    (shape,), parts = msgspec.json.schema_components([Book], ref_template="#/$defs/{name}")
    whole = parts.pop(shape["$ref"].rpartition("/")[2])
    return {"$schema": DRAFT, "$id": SCHEMA, **whole, "$defs": parts}


def blocks_example() -> Any:
    """A list of blocks as a hub with an example's key seals it; Ed25519 makes the same signature each time."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"an example's key").digest())
    told = [
        ToldBlock("hms", "5310225", 1_793_599_085_120, blocked=True, reason="card lost", said_by="Site office"),
        ToldBlock("hms", "5310118", 1_793_602_685_120, blocked=False),
    ]
    return json.loads(sealed(book_of("kvartal-7", 1_793_602_685_121, told), key))


def event_schema() -> dict[str, Any]:
    """Of a whole message, whatever it tells."""
    shapes, parts = msgspec.json.schema_components(list(EVENTS.values()), ref_template="#/$defs/{name}")
    base = schema_of(Kind.PASSAGE).rpartition("/")[0]
    return {"$schema": DRAFT, "$id": f"{base}/event.json", "title": "A message", "oneOf": list(shapes), "$defs": parts}


def asyncapi(examples: Mapping[str, Any]) -> dict[str, Any]:
    """The feed as an AsyncAPI 3 document."""
    shapes, parts = msgspec.json.schema_components(
        [*EVENTS.values(), BlocksEvent], ref_template="#/components/schemas/{name}"
    )
    messages: dict[str, Any] = {
        kind.value: {
            "name": type_of(kind),
            "title": TITLES[kind],
            "summary": (CONTENTS[kind].__doc__ or "").replace("\n    ", " "),
            "contentType": CLOUD_EVENT,
            "payload": shape,
            "examples": [
                {"name": name, "payload": payload}
                for name, payload in examples.items()
                if payload["type"] == type_of(kind)
            ],
        }
        for kind, shape in zip(Kind, shapes, strict=False)
    }
    messages[BLOCKS] = {
        "name": TYPE,
        "title": "All cards that a site has blocked for every site",
        "summary": "Signed by the site's hub; what stands in `data_base64` is described by schemas/blocks.json.",
        "contentType": CLOUD_EVENT,
        "payload": shapes[-1],
        "examples": [{"name": BLOCKS, "payload": blocks_example()}],
    }
    address = next(field.default for field in msgspec.structs.fields(FeedSettings) if field.name == "topic")
    return {
        "asyncapi": "3.0.0",
        "id": "https://portvakt.no/schemas/feed/v1",
        "info": {
            "title": "Portvakt feed",
            "version": VERSION.removeprefix("v") + ".0.0",
            "description": "What happens at a building site's gates: single CloudEvents 1.0 in JSON (structured mode), "
            "QoS 1; blocks alone are retained. At least once: an event that comes again has the same id. A field may "
            "be added; what is not known is to be passed over. Personal fields go by the subscriber's profile.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "contact": {"name": "Whoever runs the site's hub"},
            "tags": [{"name": "cloudevents"}, {"name": "building-site"}],
        },
        "defaultContentType": CLOUD_EVENT,
        "servers": {
            "central": {
                "host": "mqtt.example.no:8883",
                "protocol": "secure-mqtt",
                "protocolVersion": "5",
                "description": "The client's own broker; 3.1.1 serves as well.",
                "security": [
                    {"type": "userPassword", "description": "User name and password."},
                    {"type": "X509", "description": "Or a client certificate."},
                ],
            }
        },
        "channels": {
            "feed": {
                "address": address,
                "title": "Everything of one site",
                "description": "The topic is a setting of the hub; it may be one for each kind of message.",
                "parameters": {"site": {"description": "The site's name.", "examples": ["kvartal-7"]}},
                "servers": [{"$ref": "#/servers/central"}],
                "messages": {kind.value: {"$ref": f"#/components/messages/{kind}"} for kind in Kind},
            },
            BLOCKS: {
                "address": next(one.default for one in msgspec.structs.fields(TellSettings) if one.name == "topic"),
                "title": "Blocks of one site for every site",
                "description": "Retained: the newest message is all of it. Written by that site's hub alone, read by "
                "the hubs of the other sites.",
                "parameters": {"site": {"description": "The site's name.", "examples": ["kvartal-7"]}},
                "servers": [{"$ref": "#/servers/central"}],
                "messages": {BLOCKS: {"$ref": f"#/components/messages/{BLOCKS}"}},
            },
        },
        "operations": {
            "tell": {
                "action": "send",
                "title": "The hub tells",
                "channel": {"$ref": "#/channels/feed"},
                "messages": [{"$ref": f"#/channels/feed/messages/{kind}"} for kind in Kind],
                "bindings": {"mqtt": {"qos": 1, "retain": False, "bindingVersion": "0.2.0"}},
            },
            "tellBlocks": {
                "action": "send",
                "title": "The hub tells whom it has blocked for every site",
                "channel": {"$ref": f"#/channels/{BLOCKS}"},
                "messages": [{"$ref": f"#/channels/{BLOCKS}/messages/{BLOCKS}"}],
                "bindings": {"mqtt": {"qos": 1, "retain": True, "bindingVersion": "0.2.0"}},
            },
        },
        "components": {"messages": messages, "schemas": parts},
    }


def kind_of_example(payload: Mapping[str, Any]) -> type[FeedEvent]:
    """The type of its message."""
    return next(EVENTS[kind] for kind in Kind if type_of(kind) == payload["type"])


def write(examples: Mapping[str, Any]) -> None:
    """Write what is made from the code."""
    for name, document in documents(examples).items():
        file = FOLDER / name
        file.parent.mkdir(parents=True, exist_ok=True)
        now = text_of(document)
        if not file.exists() or file.read_text(encoding="utf-8") != now:
            file.write_text(now, encoding="utf-8")
            print(f"docs/feed/{name}: made anew")


def main() -> None:
    """Play the run, and write all."""
    from tests.feed_run import played

    EXAMPLES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pv-") as folder:
        examples = played(Path(folder))
    for file in EXAMPLES.glob("*.json"):
        file.unlink()
    for name, payload in examples.items():
        (EXAMPLES / f"{name}.json").write_text(text_of(payload), encoding="utf-8")
    write(stored_examples())


if __name__ == "__main__":
    main()
