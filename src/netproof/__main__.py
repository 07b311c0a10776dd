"""`python -m netproof`: the command `netproof`, by an interpreter of one's choice."""

import sys

from netproof.front.cli import main

if __name__ == "__main__":
    sys.exit(main())
