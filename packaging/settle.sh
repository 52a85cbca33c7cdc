#!/bin/sh
# What a machine needs after the files are in place; after the first time as after each other one. Enables nothing.
set -eu
systemd-sysusers portvakt.conf
systemd-tmpfiles --create portvakt.conf
# The settings are the site's: made once from the examples, and never touched again.
for name in gate hub; do
    [ -e "/etc/portvakt/$name.toml" ] || install -m 644 "/opt/portvakt/config/$name.toml" "/etc/portvakt/$name.toml"
done
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
udevadm control --reload || true
udevadm trigger --subsystem-match=gpio || true
# Whatever does not run stays as it is. A new version that does not start is no reason to leave the package half
# configured: the service's own state tells.
systemctl try-restart hub.service hub-metrics.service gate.service gate-screen.service ||
    echo "portvakt: not everything came up again; see: systemctl status gate hub hub-metrics gate-screen" >&2
