"""`make demo`: interactive on a terminal, a played morning otherwise."""

import argparse
import sys

from portvakt.errors import PortvaktError


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--play", action="store_true", help="play the morning, also on a terminal")
    arguments = parser.parse_args()
    try:
        if arguments.play or not (sys.stdin.isatty() and sys.stdout.isatty()):
            from gate.simulator.demo.morning import play

            return play()
        from gate.simulator.demo.app import run

        return run()
    except PortvaktError as failed:
        print(f"demo: {failed}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
