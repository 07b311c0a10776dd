"""Run the benchmarks, print a line each, and fail when a ratio is over its limit."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks import change, connects, firstpaint, matrix, mutations, reading, startup
from benchmarks.ratio import Ratio

ALL: dict[str, Callable[[], Ratio]] = {
    "matrix": matrix.run,
    "connects": connects.run,
    "startup": startup.run,
    "change": change.run,
    "mutations": mutations.run,
    "reading": reading.run,
    "firstpaint": firstpaint.run,
}


def main() -> int:
    """Run those that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ALL))
    names = parser.parse_args().names or list(ALL)
    unknown = set(names) - set(ALL)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    ratios = []
    for name in names:
        ratios.append(ALL[name]())
        print(ratios[-1].line(), flush=True)
    folder = Path("reports")
    folder.mkdir(exist_ok=True)
    text = json.dumps([asdict(one) | {"ratio": one.ratio} for one in ratios], indent=2)
    (folder / "bench.json").write_text(text + "\n", encoding="utf-8")
    return 0 if all(one.within for one in ratios) else 1


if __name__ == "__main__":
    sys.exit(main())
