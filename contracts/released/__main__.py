"""`python -m contracts.released` compares with every release, `--write` keeps the present contract as a release's."""

from __future__ import annotations

import sys

from contracts import released


def main(arguments: list[str]) -> int:
    """The command; 0 if all is well, 1 if something breaks, 2 for arguments it does not know."""
    if arguments not in ([], ["--write"], ["--write", "--again"]):
        sys.stderr.write("usage: python -m contracts.released [--write [--again]]\n")
        return 2
    if arguments:
        try:
            sys.stdout.write(f"{released.write('--again' in arguments)}\n")
        except FileExistsError as reason:
            sys.stderr.write(f"{reason}\n")
            return 1
        return 0
    found = released.check()
    for version, broken in found.items():
        sys.stderr.write(f"{len(broken)} breaking changes since {version}:\n")
        sys.stderr.writelines(f"  {it}\n" for it in broken)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
