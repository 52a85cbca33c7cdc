"""`hub enroll`, `hub revoke`, `hub broker-config`: who may join, who may no longer, and the broker between."""

import argparse
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.cli_parts import add_verb, config_of, now_ms, opened, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.authority import Authority
    from hub.config import HubConfig
    from hub.records import Enrolment, IssuedCertificate

    AddVerb = Callable[..., argparse.ArgumentParser]


def add_verbs(verbs: Any) -> None:
    """Add the verbs to the command line."""
    verb = add_verb(
        verbs, "enroll", _enroll, "make a gate's bundle; show who is enrolled; sign a request by file", json=True
    )
    verb.add_argument("gate", metavar="GATE", nargs="?")
    verb.add_argument("-o", "--output", metavar="FILE", type=Path, help="the bundle, or the answer to --sign")
    wish = verb.add_mutually_exclusive_group()
    wish.add_argument("--list", action="store_true", help="every gate, its certificate and until when")
    wish.add_argument("--sign", metavar="FILE", type=Path, help="answer what `gate join --request` wrote")

    verb = add_verb(verbs, "revoke", _revoke, "a gate's token and certificates count no more", json=True)
    verb.add_argument("gate", metavar="GATE")

    verb = add_verb(
        verbs, "broker-config", _broker_config, "write Mosquitto's configuration: TLS, certificates, ACL", json=True
    )
    verb.add_argument("-d", "--directory", metavar="DIR", type=Path, required=True)


def _enroll(options: argparse.Namespace) -> int:
    from hub.errors import EnrolmentError

    if options.list:
        return _list(options)
    if options.sign is not None:
        return _sign(options)
    if options.gate is None:
        raise EnrolmentError("which gate? hub enroll GATE -o FILE; or hub enroll --list")
    return _invite(options)


def _invite(options: argparse.Namespace) -> int:
    import secrets

    import msgspec

    from hub import enrolment
    from hub.config import signing_key_file
    from hub.errors import EnrolmentError
    from hub.keys import public_pem, signing_key
    from hub.tables import moment
    from portvakt.bundle import Bundle, Name, write_bundle

    config = config_of(options)
    try:
        gate = msgspec.convert(options.gate, Name)
    except msgspec.ValidationError as wrong:
        raise EnrolmentError(
            f"{options.gate!r} is no name of a gate: small letters, digits and dashes, 40 at most"
        ) from wrong
    at_ms = now_ms()
    expires_ms = at_ms + int(config.enrolment.token_valid_h * 3_600_000)
    bundle = Bundle(
        site=config.site,
        gate=gate,
        token=secrets.token_hex(32),
        token_expires_ms=expires_ms,
        host=_host(config),
        port=config.enrolment.port,
        join_port=config.enrolment.join_port,
        verify_key=public_pem(signing_key(signing_key_file(config))).decode("ascii"),
        authority=_authority(config, at_ms).pem,
    )
    file = options.output or Path(f"{gate}.bundle")
    with opened(options) as store, store.enrolling() as transaction:
        held = [one for one in transaction.certificates() if one.gate == gate and _counts(one, at_ms)]
        enrolment.invite(transaction, gate, bundle.token_key.public_key().public_bytes_raw(), expires_ms, at_ms)
        try:
            write_bundle(file, bundle, moment(expires_ms))
        except OSError as refused:
            raise EnrolmentError(f"{file}: cannot be written ({refused.strerror}); nothing was changed") from refused
    if options.json:
        print_json({"gate": gate, "bundle": str(file), "expires_ms": expires_ms, "certificates": len(held)})
        return 0
    print(f"{file}: gate {gate} joins with it until {moment(expires_ms)}, once; at the gate: gate join {file.name}")
    if held:
        print(
            f"{gate} has a certificate already; if that controller is lost or stolen, `hub revoke {gate}` comes first"
        )
    return 0


def _sign(options: argparse.Namespace) -> int:
    from gate.uplink.contract import ContractError
    from gate.uplink.signing import Signer
    from hub.authority import issuing
    from hub.config import authority_file, signing_key_file
    from hub.enrolment import EnrolmentDesk
    from hub.errors import EnrolmentError
    from hub.keys import signing_key
    from portvakt.files import replace_file

    config = config_of(options)
    try:
        request = options.sign.read_bytes()
    except OSError as missing:
        raise EnrolmentError(f"{options.sign}: cannot be read ({missing.strerror})") from missing
    file = options.output or options.sign.with_suffix(".answer")
    signer = Signer(config.site, signing_key(signing_key_file(config)))
    issue = issuing(authority_file(config), config.site, config.enrolment.certificate_valid_days)
    with opened(options) as store:
        try:
            answer, sealed = EnrolmentDesk(config.site, store, signer, issue).sign_file(request, now_ms())
        except ContractError as bad:
            raise EnrolmentError(f"{options.sign}: {bad}; it is what `gate join --request` writes") from bad
    if answer.refused:
        raise EnrolmentError(f"{options.sign}: {answer.refused}")
    try:
        replace_file(file, sealed, 0o644)
    except OSError as refused:
        raise EnrolmentError(
            f"{file}: cannot be written ({refused.strerror}); sign it again, to another file"
        ) from refused
    if options.json:
        print_json({"gate": answer.gate, "answer": str(file)})
    else:
        print(f"{file}: back at gate {answer.gate}: gate join BUNDLE --answer {file.name}")
    return 0


def _list(options: argparse.Namespace) -> int:
    from hub.tables import moment, table

    with opened(options) as store, store.enrolling() as transaction:
        enrolled, certificates = transaction.enrolments(), transaction.certificates()
    at_ms = now_ms()
    newest = {one.gate: one for one in certificates}
    rows = [(one, newest.get(one.gate), _state(one, newest.get(one.gate), at_ms)) for one in enrolled]
    if options.json:
        print_json(
            [
                {
                    "gate": one.gate,
                    "state": state,
                    "token_expires_ms": one.token_expires_ms,
                    "revoked_ms": one.revoked_ms,
                    "serial": held.serial if held else None,
                    "certificate_ends_ms": held.not_after_ms if held else None,
                }
                for one, held, state in rows
            ]
        )
        return 0
    if not rows:
        print("No gate is enrolled. `hub enroll GATE -o FILE` makes a bundle.")
        return 0
    cells = [
        (one.gate, state, moment(held.not_after_ms) if held else "", held.serial[:12] if held else "")
        for one, held, state in rows
    ]
    print(table(("GATE", "STATE", "CERTIFICATE UNTIL", "SERIAL"), cells))
    return 0


def _state(one: "Enrolment", held: "IssuedCertificate | None", now_ms: int) -> str:
    if one.revoked_ms is not None:
        return "revoked"
    if one.token_spent_on is None:
        return "invited" if now_ms <= one.token_expires_ms else "invitation over"
    return "joined" if held is not None and _counts(held, now_ms) else "certificate over"


def _counts(issued: "IssuedCertificate", now_ms: int) -> bool:
    return issued.revoked_ms is None and now_ms <= issued.not_after_ms


def _revoke(options: argparse.Namespace) -> int:
    from hub import broker_files, enrolment

    config = config_of(options)
    at_ms = now_ms()
    with opened(options) as store, store.enrolling() as transaction:
        count = enrolment.revoke(transaction, options.gate, at_ms)
        certificates = transaction.certificates()
    settings = config.enrolment
    if settings.broker_dir is not None:
        broker_files.write_revoked(Path(settings.broker_dir), _authority(config, at_ms), certificates, at_ms)
        if settings.restart_broker is not None:
            broker_files.restart_broker(settings.restart_broker)
    if options.json:
        print_json({"gate": options.gate, "certificates": count, "broker_dir": settings.broker_dir})
        return 0
    print(f"{options.gate} is revoked: its token, and {count} certificate{'s' * (count != 1)}; the hub refuses it now")
    if settings.broker_dir is None:
        print("the broker does not know yet: hub broker-config -d DIR, then restart it")
    elif settings.restart_broker is None:
        print("restart the broker: that throws it out")
    return 0


def _broker_config(options: argparse.Namespace) -> int:
    from hub import broker_config, broker_files
    from hub.authority import renew_hub_identity
    from hub.broker_config import Listeners
    from hub.config import authority_file, identity_file
    from portvakt.files import replace_file

    config = config_of(options)
    settings, host = config.enrolment, _host(config)
    at_ms = now_ms()
    authority = _authority(config, at_ms)
    identity = identity_file(config).resolve()
    renew_hub_identity(identity, authority, at_ms, settings.certificate_valid_days)
    public = authority_file(config).with_name("ca.pem").resolve()
    replace_file(public, authority.pem.encode("ascii"), 0o644)
    folder = options.directory
    listeners = Listeners(host, settings.port, settings.join_port)
    broker_files.write_all(folder, config.site, listeners, authority, at_ms)
    with opened(options) as store, store.enrolling() as transaction:
        broker_files.write_revoked(folder, authority, transaction.certificates(), at_ms)
    written = folder / broker_config.CONFIGURATION
    broker = {"host": host, "port": settings.port, "ca_file": str(public), "cert_file": str(identity)}
    if options.json:
        print_json({"configuration": str(written), "broker": broker})
        return 0
    print(f"{written} is written, with certificates and ACLs beside it; restart Mosquitto. In the hub's own settings:")
    print("\n[broker]")
    for key, value in broker.items():
        print(f"{key} = {value}" if isinstance(value, int) else f'{key} = "{value}"')
    if settings.broker_dir is None:
        print(f'\n[enrolment]\nbroker_dir = "{folder.resolve()}"        # for `hub revoke`')
    return 0


def _host(config: "HubConfig") -> str:
    """By which name or address gates reach the broker: this machine's own name, unless the settings know better."""
    if config.enrolment.host is not None:
        return config.enrolment.host
    name = socket.gethostname()
    print(f"gates will reach the broker as {name!r}; if they do not, set [enrolment] host", file=sys.stderr)
    return name


def _authority(config: "HubConfig", now_ms: int) -> "Authority":
    from hub.authority import authority_at
    from hub.config import authority_file

    return authority_at(authority_file(config), config.site, now_ms)
