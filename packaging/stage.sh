#!/bin/sh
# Put every file of Portvakt under a folder that stands for /: stage.sh ROOT [PYTHON]
# Asks the package index for the libraries; nothing is asked for where the result is installed.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
root=$1
python=${2:-/usr/bin/python3}
home=/opt/portvakt
venv=$root$home/.venv
umask 022
mkdir -p "$root"
root=$(cd "$root" && pwd)
venv=$root$home/.venv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A venv of its own: what it knows of its place is put right below. From a copy of the sources, so that no file
# of an earlier build comes along.
rm -rf "$venv"
"$python" -m venv --without-pip "$venv"
"$python" -m venv "$work/pip"
for part in gate hub portvakt pyproject.toml README.md LICENSE; do cp -R "$here/$part" "$work/"; done
rm -rf "$work/portvakt.egg-info"
# From the environment the versions hold for what builds a library, too.
PIP_CONSTRAINT=$here/packaging/constraints.txt "$work/pip/bin/pip" --disable-pip-version-check \
    --python "$venv/bin/python3" install --quiet --no-compile "${work}[gate,osdp,hub,console,postgres,screen]"

# The place where it will lie; the programs that are ours; no trace of the place where it was built.
find "$venv/bin" -type f ! -name gate ! -name hub -delete
sed -i "1s|^#!.*|#!$home/.venv/bin/python3|" "$venv/bin/gate" "$venv/bin/hub"
sed -i '/^command = /d' "$venv/pyvenv.cfg"
find "$venv" \( -name direct_url.json -o -name RECORD -o -name REQUESTED -o -name INSTALLER \) -delete
find "$venv" -name __pycache__ -prune -exec rm -rf {} +
(cd "$root" && "$python" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$root" -p / ".$home/.venv/lib") || true

install -d "$root$home/docs" "$root$home/config"
install -m 644 "$here/README.md" "$here/LICENSE" "$here/CHANGELOG.md" "$root$home/"
cp -R "$here/docs/." "$root$home/docs/"
(cd "$here" && find config -name '*.toml' -o -name '*.csv' -o -name '*.json' -o -name '*.yml') | while read -r file; do
    install -D -m 644 "$here/$file" "$root$home/$file"
done
# The built-in broker is for trying out, and is not installed.
sed -i 's/^embedded = true/embedded = false/' "$root$home/config/hub.toml"
install -D -m 755 "$here/packaging/settle.sh" "$root$home/settle"

install -d -m 755 "$root/etc/portvakt/coding"
install -d -m 700 "$root/etc/portvakt/gate.credentials" "$root/etc/portvakt/hub.credentials"
for file in "$here"/config/coding/*.toml; do
    [ -e "$root/etc/portvakt/coding/${file##*/}" ] || install -m 644 "$file" "$root/etc/portvakt/coding/"
done
for unit in "$here"/systemd/*.service; do install -D -m 644 -t "$root/usr/lib/systemd/system" "$unit"; done
install -D -m 644 "$here/packaging/portvakt.sysusers" "$root/usr/lib/sysusers.d/portvakt.conf"
install -D -m 644 "$here/packaging/portvakt.tmpfiles" "$root/usr/lib/tmpfiles.d/portvakt.conf"
install -D -m 644 -t "$root/usr/lib/udev/rules.d" "$here/packaging/60-portvakt.rules"
# Debian has another program called hub.
install -d "$root/usr/bin"
ln -sf "$home/.venv/bin/gate" "$root/usr/bin/portvakt-gate"
ln -sf "$home/.venv/bin/hub" "$root/usr/bin/portvakt-hub"
