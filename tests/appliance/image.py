"""A disk with Debian and the packages on it, a kernel, and an initial ram disk that finds the disk."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

SUITE = os.environ.get("PORTVAKT_APPLIANCE_SUITE", "bookworm")
MIRROR = "http://deb.debian.org/debian"
# What a Raspberry Pi OS Lite has, and nothing to compile with.
INSTALLED = "systemd,systemd-sysv,udev,dbus,kmod,python3,procps,kbd,console-setup-linux,libpcsclite1,debconf"
MODULES = ("virtio_pci", "virtio_blk", "ext4")
INIT = """#!/bin/sh
mount -t devtmpfs none /dev
for module in $(cat /modules); do insmod /$module; done
mount -t ext4 /dev/vda /root
exec switch_root /root /sbin/init
"""


def run(*words: str, cwd: Path | None = None, text: str | None = None) -> str:
    """A command that must succeed; what it said."""
    done = subprocess.run(words, cwd=cwd, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr[-2000:]}")
    return done.stdout


def debian(folder: Path) -> Path:
    """Debian's own files; made once."""
    root = folder / f"root-{SUITE}"
    if not root.exists():
        draft = folder / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        run("debootstrap", "--variant=minbase", f"--include={INSTALLED}", SUITE, str(draft), MIRROR)
        draft.rename(root)
    return root


def kernel(folder: Path) -> tuple[Path, Path]:
    """Kernel and initial ram disk; made once."""
    there = folder / "kernel"
    if not (there / "initrd").exists():
        shutil.rmtree(there, ignore_errors=True)
        (there / "debs").mkdir(parents=True)
        depends = run("apt-cache", "depends", "linux-image-amd64")
        image = next(
            word for word in depends.split() if word.startswith("linux-image-") and word != "linux-image-amd64"
        )
        run("apt-get", "download", image, "busybox-static", cwd=there / "debs")
        for deb in (there / "debs").glob("*.deb"):
            run("dpkg-deb", "-x", str(deb), str(there / "files"))
        _initrd(there)
    return next((there / "files" / "boot").glob("vmlinuz-*")), there / "initrd"


def _initrd(there: Path) -> None:
    files, tree = there / "files", there / "tree"
    version = next((files / "lib" / "modules").iterdir()).name
    run("depmod", "-b", str(files), version)
    for name in ("bin", "dev", "root"):
        (tree / name).mkdir(parents=True)
    shutil.copy(files / "bin" / "busybox", tree / "bin" / "busybox")
    for name in ("sh", "mount", "insmod", "cat", "switch_root"):
        (tree / "bin" / name).symlink_to("busybox")
    wanted: list[str] = []
    for module in MODULES:
        for line in run("modprobe", "-S", version, "-d", str(files), "--show-depends", module).splitlines():
            if line.startswith("insmod ") and (path := line.split()[1]) not in wanted:
                wanted.append(path)
                shutil.copy(path, tree / Path(path).name)
    (tree / "modules").write_text("\n".join(Path(path).name for path in wanted))
    (tree / "init").write_text(INIT)
    (tree / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    with (there / "initrd.draft").open("wb") as out:
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=tree, input=names.encode(), stdout=out, check=True)
    (there / "initrd.draft").rename(there / "initrd")


def disk(folder: Path, packages: Sequence[Path], guest: Path) -> Path:
    """A fresh disk that runs `guest` when it has started."""
    root, made = folder / "root", folder / "disk"
    run("rm", "-rf", str(root))
    run("cp", "-a", "--reflink=auto", str(debian(folder)), str(root))
    (root / "packages").mkdir()
    for package in packages:
        shutil.copy(package, root / "packages")
    shutil.copy(guest, root / "packages" / "guest.sh")
    (root / "etc" / "fstab").write_text("/dev/vda / ext4 noatime 0 1\n")
    (root / "etc" / "hostname").write_text("appliance\n")
    (root / "etc" / "systemd" / "system" / "appliance.service").write_text(
        "[Unit]\nAfter=multi-user.target\n[Service]\nType=oneshot\nExecStart=/bin/sh /packages/guest.sh\n"
        "StandardOutput=tty\nStandardError=tty\nTTYPath=/dev/ttyS0\nTimeoutStartSec=infinity\n"
    )
    wants = root / "etc" / "systemd" / "system"
    (wants / "default.target.wants").mkdir(exist_ok=True)
    (wants / "default.target.wants" / "appliance.service").symlink_to("../appliance.service")
    for masked in ("serial-getty@ttyS0.service", "apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_reap.service"):
        (wants / masked).unlink(missing_ok=True)
        (wants / masked).symlink_to("/dev/null")
    made.unlink(missing_ok=True)
    run("mke2fs", "-q", "-F", "-t", "ext4", "-d", str(root), str(made), "2G")
    run("rm", "-rf", str(root))
    return made
