"""`netproof ...`: a thin front for people; everything it does can be done from pytest.

A module holds the commands of one subject and offers `add(commands)`, which hangs them into the
parser. Each command is a function of the parsed options that returns an exit code; our own errors
end as one line on standard error.
"""

from netproof.front.cli.main import main

__all__ = ["main"]
