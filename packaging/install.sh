#!/bin/sh
# `make install`: install.sh DESTDIR PYTHON. Under a DESTDIR files are put in place and nothing else is done.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
destdir=$1
python=${2:-/usr/bin/python3}
if [ -z "$destdir" ]; then
    [ "$(id -u)" -eq 0 ] || { echo "make install: needs root; for a look at the files: make install DESTDIR=…" >&2; exit 1; }
    if dpkg-query -W -f '${db:Status-Status}' portvakt 2>/dev/null | grep -qx installed; then
        echo "make install: the Debian package is installed; upgrade that (make deb), or remove it first" >&2
        exit 1
    fi
fi
# Built aside: while libraries are fetched a running gate still finds its own.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sh "$here/packaging/stage.sh" "$work" "$python"
mkdir -p "$destdir/etc/portvakt" "$destdir/opt/portvakt"
cp -R --no-clobber "$work/etc/portvakt/." "$destdir/etc/portvakt/"
rm -rf "${work:?}/etc" "$destdir/opt/portvakt/.venv"
cp -R "$work/." "$destdir/"
if [ -z "$destdir" ]; then
    /opt/portvakt/settle
    echo "installed; next: /opt/portvakt/docs/install.md"
fi
