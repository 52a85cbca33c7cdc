#!/bin/sh
# dist/portvakt_VERSION_ARCH.deb, the same bytes for the same commit, libraries and Python: deb.sh [PYTHON]
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
python=${1:-/usr/bin/python3}
debian=$here/packaging/debian
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
root=$work/root
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

sh "$here/packaging/stage.sh" "$root" "$python"

docs=$root/usr/share/doc/portvakt
install -D -m 644 -t "$docs" "$debian/copyright"
gzip -9nc "$here/CHANGELOG.md" >"$docs/changelog.gz"
(cd "$root/opt/portvakt/.venv/lib" && find . -maxdepth 3 -name '*.dist-info') | sed 's|.*/||; s|\.dist-info$||; s|-| |' |
    LC_ALL=C sort >"$docs/libraries.txt"

install -d "$root/DEBIAN"
install -m 755 "$debian/postinst" "$debian/prerm" "$debian/postrm" "$root/DEBIAN/"
install -m 644 "$debian/templates" "$root/DEBIAN/"
(cd "$root" && find etc -type f | sed 's|^|/|' | LC_ALL=C sort) >"$root/DEBIAN/conffiles"
(cd "$root" && find . -path ./DEBIAN -prune -o -path ./etc -prune -o -type f -print | sed 's|^\./||' | LC_ALL=C sort |
    xargs -d '\n' md5sum) >"$root/DEBIAN/md5sums"
version=$("$python" -c 'import sys, tomllib; print(tomllib.load(open(sys.argv[1], "rb"))["project"]["version"])' "$here/pyproject.toml")
arch=$(dpkg --print-architecture)
minor=$("$python" -c 'import sys; print(sys.version_info.minor)')
size=$(du -sk --apparent-size "$root" | cut -f1)
sed -e "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/; s/@PYTHON@/3.$minor/; s/@NEXT@/3.$((minor + 1))/" \
    "$debian/control.in" >"$root/DEBIAN/control"

mkdir -p "$here/dist"
deb=$here/dist/portvakt_${version}_$arch.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$deb" >&2
echo "$deb"
