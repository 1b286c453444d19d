"""`python -m contracts.pages` writes the pages below docs/messages, with `--check` compares."""

from __future__ import annotations

import sys

from contracts import pages


def main(arguments: list[str]) -> int:
    """The command; 0 if all is well, 1 if the stored pages differ, 2 for arguments it does not know."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m contracts.pages [--check]\n")
        return 2
    if not arguments:
        sys.stdout.write(f"{len(pages.write())} pages changed\n")
        return 0
    found = pages.differences()
    sys.stderr.writelines(
        f"docs/messages/{name} is not what the code says: python -m contracts.pages\n" for name in found
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
