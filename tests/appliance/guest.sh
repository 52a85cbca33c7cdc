#!/bin/sh
# Runs in the machine, twice: before and after its plug is pulled. One line a check on the serial line.
GATE=/opt/portvakt/.venv/bin/gate
HUB=/opt/portvakt/.venv/bin/hub
OLD=$(echo /packages/portvakt_*.deb)
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

check() { # WHAT COMMAND…
    what=$1
    shift
    if "$@" >/tmp/said 2>&1; then echo "ok      $what"; else echo "not ok  $what: $*"; sed 's/^/        /' /tmp/said | tail -45; fi
}
not() { ! "$@"; }
says() { # WORDS COMMAND…
    words=$1
    shift
    "$@" >/tmp/says 2>&1
    grep -q -- "$words" /tmp/says || { cat /tmp/says; return 1; }
}
becomes() { # SECONDS COMMAND…
    for _ in $(seq "$1"); do (shift; "$@") >/dev/null 2>&1 && return 0; sleep 1; done
    shift
    "$@"
}
as() { # USER GROUP COMMAND…
    user=$1 group=$2
    shift 2
    setpriv --reuid "$user" --regid "$user" --groups "$group" "$@"
}
back() { becomes 120 systemctl is-active "$1" || { journalctl -b -u "$1" -o short-monotonic --no-pager | tail -40; return 1; }; }
records() { state $GATE journal --json --config /etc/portvakt/gate.toml 2>/dev/null | wc -l; }
drawn() { [ "$(tr -d ' ' </dev/vcs1 | wc -c)" -gt 100 ]; }
state() { STATE_DIRECTORY=/var/lib/portvakt "$@"; }
pid() { systemctl show -P MainPID "$1"; }
chain() { state $GATE journal --verify; }

first() {
    echo "# installed"
    check "dpkg installs it, and asks nothing" dpkg -i "$OLD"
    check "dpkg finds its files as they were" says '^$' sh -c 'dpkg --verify portvakt; echo'
    for user in portvakt portvakt-hub portvakt-screen; do check "user $user" id $user; done
    for unit in gate hub hub-metrics gate-screen; do
        check "$unit is not enabled" says disabled systemctl is-enabled $unit
        check "$unit does not run" says inactive systemctl is-active $unit
        check "$unit is understood" systemd-analyze verify /usr/lib/systemd/system/$unit.service
    done
    check "settings are there" test -s /etc/portvakt/gate.toml -a -s /etc/portvakt/hub.toml
    check "secrets are root's" says '^700 root$' stat -c '%a %U' /etc/portvakt/gate.credentials
    check "the example is in order" $GATE check-config
    check "the hub's example is in order" portvakt-hub check-config /etc/portvakt/hub.toml
    check "a card can be read: pyscard, nfcpy, libosdp, lgpio" /opt/portvakt/.venv/bin/python3 -c "import smartcard.scard, nfc, osdp, lgpio, gpiozero, serial, textual"

    echo "# set up and started"
    sed -i 's/^embedded.*/embedded = false/' /etc/portvakt/hub.toml
    cat >/etc/portvakt/gate.toml <<'TOML'
site = "kvartal-7"
gate = "north"
[hub]
verify_key = "hub.pub"
[broker]
username = "north"
password_file = "credential:broker.password"
[clock]
trust = "always"
[[lanes]]
name = "main"
driver = "virtual"
[[readers]]
name = "outside"
driver = "virtual"
lane = "main"
direction = "entry"
coding = "coding/demo.toml"
keys = "credential:cards.toml"
TOML
    sed '/test_keys/d' /etc/portvakt/coding/demo.keys.toml >/etc/portvakt/gate.credentials/cards.toml
    echo "open sesame" >/etc/portvakt/gate.credentials/broker.password
    chmod 600 /etc/portvakt/gate.credentials/*
    check "hub starts" systemctl start hub
    check "its numbers are served" systemctl start hub-metrics
    check "and read" becomes 30 says '^portvakt_up 1' python3 -c 'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:9464/metrics").read().decode())'
    check "the hub's key" env STATE_DIRECTORY=/var/lib/portvakt-hub $HUB key -o /etc/portvakt/hub.pub
    check "by hand, root's look finds the secrets" $GATE check-config
    check "gate starts, with no network" systemctl start gate
    check "gate is ready" says 'gate north of site kvartal-7' systemctl show -P StatusText gate
    ls -ln /run/credentials/gate.service
    check "what is handed over is for the gate alone" as portvakt portvakt cat /run/credentials/gate.service/portvakt_broker.password
    check "not for the hub" not as portvakt-hub portvakt-hub cat /run/credentials/gate.service/portvakt_broker.password
    check "not for the screen" not as portvakt-screen portvakt cat /run/credentials/gate.service/portvakt_broker.password
    check "the journal is the gate's alone" not as portvakt-screen portvakt ls /var/lib/portvakt
    check "the socket is for the screen" as portvakt-screen portvakt python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/portvakt/screen-main.sock")'
    check "and for nobody else" not as portvakt-hub portvakt-hub python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/portvakt/screen-main.sock")'
    check "logs have fields" becomes 30 says '"PRIORITY":"4"' journalctl -o json -u gate PORTVAKT_LINK=down
    check "logs have the program's name" says 'SYSLOG_IDENTIFIER=gate' journalctl -o export -u gate PORTVAKT_LINK=down
    check "no line of the gate is there twice, or with a prefix" not says '<[0-9]>' journalctl -u gate
    for unit in gate hub hub-metrics gate-screen; do systemd-analyze security --no-pager $unit | tail -1; done
    check "all three are enabled" systemctl enable gate hub gate-screen
    check "screen starts" systemctl start gate-screen
    check "screen goes on" systemctl is-active gate-screen
    check "a screen is connected, as its user" says portvakt-screen ps -o user:20= -p "$(pid gate-screen)"
    check "the console's prompt has gone" not systemctl is-active getty@tty1
    check "something is drawn" becomes 30 drawn
    echo "# picture started"
    sleep 3
    records >/packages/records
    echo "# the plug is pulled after $(cat /packages/records) records"
    : >/packages/second
    sync /packages/second /packages/records
    echo b >/proc/sysrq-trigger
}

second() {
    echo "# after the power cut"
    for unit in gate hub gate-screen; do check "$unit came back" back $unit; done
    check "by itself, at the first attempt" says '^0$' systemctl show -P NRestarts gate
    check "the console's prompt has not" not systemctl is-active getty@tty1
    systemd-analyze critical-chain gate.service --no-pager | tail -4
    check "the journal goes on" test "$(records)" -gt "$(cat /packages/records)"
    check "its chain is whole" chain
    check "something is drawn" becomes 60 drawn
    echo "# picture again"

    echo "# a gate that hangs"
    before=$(pid gate)
    kill -STOP "$before"
    check "is started again" becomes 90 says '^1$' systemctl show -P NRestarts gate
    check "and works" becomes 60 systemctl is-active gate
    check "its lanes were made safe" says 'lane main: safe' journalctl -u gate
    before=$(pid gate)
    kill -STOP "$before"; kill -CONT "$before"
    check "one that only paused ends when asked" timeout 14 systemctl stop gate
    check "in good order" says success systemctl show -P Result gate
    check "the screen waits for it" systemctl is-active gate-screen
    sleep 8
    echo "# picture lost"
    systemctl start gate

    echo "# upgraded"
    cp /etc/portvakt/gate.toml /packages/gate.toml
    echo "# the site's own line" >>/etc/portvakt/coding/demo.toml
    before=$(pid gate) n=$(records)
    check "dpkg upgrades, and asks nothing" sh -c "dpkg --force-confdef -i /packages/newer.deb </dev/null"
    check "the settings are as they were" cmp /etc/portvakt/gate.toml /packages/gate.toml
    check "a changed profile stays" says "the site's own line" cat /etc/portvakt/coding/demo.toml
    check "an unchanged one is renewed" says "newer version" cat /etc/portvakt/coding/uid.toml
    check "gate runs" systemctl is-active gate
    check "as a new process" test "$(pid gate)" != "$before"
    check "screen runs" systemctl is-active gate-screen
    check "the journal goes on" test "$(records)" -gt "$n"
    check "its chain is whole" chain
    check "the same package once more" dpkg -i /packages/newer.deb

    echo "# removed"
    n=$(records)
    check "dpkg removes it" dpkg -r portvakt
    check "nothing runs" not systemctl is-active gate hub gate-screen
    check "nothing of it is left under /opt" not test -e /opt/portvakt
    check "the journal stays" test -s /var/lib/portvakt/journal.db -a -s /var/lib/portvakt-hub/hub.sqlite3
    check "the settings stay" test -s /etc/portvakt/gate.toml -a -s /etc/portvakt/gate.credentials/cards.toml
    check "installed again; the site's profile stays" dpkg --force-confold -i "$OLD"
    check "gate starts" systemctl start gate
    check "the journal goes on" test "$(records)" -gt "$n"
    check "its chain is whole" chain

    echo "# purged, with no answer"
    check "dpkg purges it" dpkg -P portvakt
    check "the journal stays" test -s /var/lib/portvakt/journal.db -a -s /var/lib/portvakt-hub/hub.sqlite3
    check "the keys stay" test -s /etc/portvakt/gate.credentials/cards.toml
    check "the settings do not" not test -e /etc/portvakt/gate.toml

    echo "# purged, with yes"
    check "installed again" dpkg -i "$OLD"
    echo "portvakt portvakt/remove-records boolean true" | debconf-set-selections
    check "dpkg purges it" dpkg -P portvakt
    check "nothing is left" not ls -d /var/lib/portvakt /var/lib/portvakt-hub /etc/portvakt /opt/portvakt
    check "the question is forgotten" not says portvakt debconf-show portvakt
    check "purged twice" dpkg -P portvakt
    echo "# end"
    systemctl poweroff --force
}

if [ -e /packages/second ]; then second; else first; fi
