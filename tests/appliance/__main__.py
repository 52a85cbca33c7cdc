"""Boots the disk, shows what the guest says, and takes pictures of its console when asked.

Without KVM: everything is some five times slower than life. As root, for debootstrap and the disk.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.appliance.image import disk, kernel, run

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("PORTVAKT_APPLIANCE", ROOT / "var" / "appliance"))
LIMIT_S = "1500"
NEXT = "9.9.9"


def main(guest: Path) -> int:
    """0 when every check of the guest passed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (package,) = (ROOT / "dist").glob("portvakt_*.deb")
    image = disk(FOLDER, [package, newer(package)], guest)
    failed, ended = 0, False
    for line in boot(image):
        print(line, flush=True)
        failed += line.startswith("not ok")
        ended |= line == "# end"
        if picture := re.match(r"# picture (\S+)", line):
            screendump(FOLDER / f"{picture[1]}.ppm")
    print(f"{failed} failed" if ended else "the guest did not come to its end")
    return 0 if ended and not failed else 1


def newer(package: Path) -> Path:
    """The same package as a later version, with a settings example and a profile that have changed."""
    tree, made = FOLDER / "newer", FOLDER / "newer.deb"
    shutil.rmtree(tree, ignore_errors=True)
    run("dpkg-deb", "-R", str(package), str(tree))
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"^Version: .*", f"Version: {NEXT}", control.read_text(), flags=re.MULTILINE))
    for name in ("opt/portvakt/config/gate.toml", "etc/portvakt/coding/demo.toml", "etc/portvakt/coding/uid.toml"):
        with (tree / name).open("a") as file:
            file.write("# from the newer version\n")
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(tree), str(made))
    shutil.rmtree(tree)
    return made


def boot(image: Path) -> Iterator[str]:
    """Every line that the guest writes to its serial line; ends when it is off."""
    linux, initrd = kernel(FOLDER)
    (FOLDER / "monitor").unlink(missing_ok=True)
    words = [
        "timeout", LIMIT_S, "qemu-system-x86_64", "-M", "pc", "-cpu", "max", "-accel", "tcg", "-m", "1024",
        "-kernel", str(linux), "-initrd", str(initrd), "-append", "root=/dev/vda rw quiet console=tty0 vga=0x315",
        "-drive", f"file={image},format=raw,if=virtio,cache=unsafe", "-display", "none", "-vga", "std", "-nic", "none",
        "-serial", "stdio", "-monitor", f"unix:{FOLDER / 'monitor'},server,nowait",
    ]  # fmt: skip
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as machine:
        assert machine.stdout
        try:
            for line in machine.stdout:
                yield line.decode("utf-8", "replace").strip()
        finally:
            machine.terminate()


def screendump(path: Path) -> None:
    """What the display shows just now."""
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.settimeout(20)
        monitor.connect(str(FOLDER / "monitor"))
        monitor.recv(4096)
        monitor.sendall(f"screendump {path}\n".encode())
        answer = b""
        while not answer.rstrip().endswith(b"(qemu)") or answer.count(b"screendump") < 1:
            answer += monitor.recv(4096)
    print(f"  {path}")


sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("guest.sh")))
