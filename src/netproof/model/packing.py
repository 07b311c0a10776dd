"""What stands in a run's record again and again, written once: tables, flows, reasons, nodes.

A record as it is in JSON goes in and comes out. Packed, a step's tables are rows of numbers, a
finding's flow and reasons and a step's nodes are numbers, each the place of what is meant in one of
the lists of `packed`. Nothing else changes, and nothing is lost: unpacked it is what it was. No
number is taken on trust.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netproof.errors import UsageError
from netproof.model.flow import Flow, Reason
from netproof.model.value import Value

Plain = dict[str, Any]

FIELD = "packed"
MOST = 10_000_000
"""So many names and rows a record may have when it is unpacked; that of the suites has 400,000."""

LAYERS = ("expected", "observed", "verdicts")
_DIALLED = ("port", "protocol", "family", "path")


class Dialled(Value):
    """What all flows of a table have in common."""

    port: int
    protocol: str
    family: str
    path: str


class Packed(Value):
    """The lists that numbers of a record point into.

    `names` are the sources or destinations of tables, `letters` the cells of one layer of a table,
    a text a source. A table is six numbers: of `dialled`, of `names` for sources and destinations,
    of `letters` for what was expected and observed and for the verdicts.
    """

    dialled: tuple[Dialled, ...]
    names: tuple[tuple[str, ...], ...]
    letters: tuple[tuple[str, ...], ...]
    nodes: tuple[dict[str, str], ...]
    flows: tuple[Flow, ...]
    reasons: tuple[Reason, ...]


class Pool:
    """A list in which nothing stands twice; what is put into it becomes its number."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self.items: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def __call__(self, item: Any) -> int:
        """Return the number of an item, which JSON can write."""
        key = _key(item)
        if key not in self._numbers:
            self._numbers[key] = len(self.items)
            self.items.append(item)
        return self._numbers[key]


def _key(item: Any) -> Any:
    if isinstance(item, dict):
        return tuple((name, _key(value)) for name, value in item.items())
    return tuple(map(_key, item)) if isinstance(item, (list, tuple)) else item


def packed(record: Plain) -> Plain:
    """Return a record with `packed`; its steps are changed in place."""
    pools = {name: Pool() for name in Packed.__struct_fields__}
    for _, step in _steps(record):
        step["tables"] = [_packed_table(table, pools) for table in step["tables"]]
        step["nodes"] = pools["nodes"](step["nodes"])
        for finding in step["findings"]:
            finding["flow"] = pools["flows"](finding["flow"])
            finding["reasons"] = [pools["reasons"](reason) for reason in finding["reasons"]]
    return {**record, FIELD: {name: pool.items for name, pool in pools.items()}}


def _packed_table(table: Plain, pools: dict[str, Pool]) -> list[int]:
    return [
        pools["dialled"]({name: table[name] for name in _DIALLED}),
        pools["names"](table["sources"]),
        pools["names"](table["destinations"]),
        *(pools["letters"](table[layer]) for layer in LAYERS),
    ]


def unpacked(record: Plain, lists: Plain) -> Plain:
    """Return a record without `packed`, its steps changed in place.

    What has not the form of a packed record is left for others to refuse; a number without an item
    raises UsageError, and so does a record that unpacks to more than anybody ever wrote.
    """
    _limit(record, lists)
    for place, step in _steps(record):
        if isinstance(tables := step.get("tables"), list):
            step["tables"] = [
                _unpacked_table(table, lists, f"{place}.tables[{number}]")
                for number, table in enumerate(tables)
            ]
        if "nodes" in step:
            step["nodes"] = _item(lists["nodes"], step["nodes"], f"{place}.nodes")
        findings = step.get("findings", ())
        for number, finding in enumerate(findings if isinstance(findings, list) else ()):
            if isinstance(finding, dict):
                _unpack_finding(finding, lists, f"{place}.findings[{number}]")
    return {name: value for name, value in record.items() if name != FIELD}


def _limit(record: Plain, lists: Plain) -> None:
    """Refuse what a few numbers would blow up."""
    sizes = [[len(item) for item in lists[name]] for name in ("names", "letters")]
    most = [max(some, default=0) for some in sizes]
    tables = sum(len(_list(step.get("tables"))) for _, step in _steps(record))
    total = tables * (2 * most[0] + 3 * most[1])
    if total > MOST and _unpacked_size(record, *sizes) > MOST:
        raise UsageError(f"$.{FIELD}: unpacked it has {total:,} names and rows, more than {MOST:,}")


def _unpacked_size(record: Plain, names: list[int], letters: list[int]) -> int:
    """Return how many names and rows there will be; a number that points nowhere counts none."""
    known = (*(dict(enumerate(names)),) * 2, *(dict(enumerate(letters)),) * len(LAYERS))
    return sum(
        of.get(number, 0)
        for _, step in _steps(record)
        for table in _list(step.get("tables"))
        for number, of in zip(_list(table)[1:], known, strict=False)
        if isinstance(number, int)
    )


def _unpack_finding(finding: Plain, lists: Plain, place: str) -> None:
    if "flow" in finding:
        finding["flow"] = _item(lists["flows"], finding["flow"], f"{place}.flow")
    if isinstance(reasons := finding.get("reasons"), list):
        finding["reasons"] = [_item(lists["reasons"], one, f"{place}.reasons") for one in reasons]


def _unpacked_table(table: Any, lists: Plain, place: str) -> Plain:
    if not isinstance(table, list) or len(table) != 3 + len(LAYERS):
        raise UsageError(f"{place}: a table is {3 + len(LAYERS)} numbers")
    dialled, sources, destinations, *layers = table
    names = lists["names"]
    return {
        **_item(lists["dialled"], dialled, place),
        "sources": _item(names, sources, place),
        "destinations": _item(names, destinations, place),
        **{k: _item(lists["letters"], n, place) for k, n in zip(LAYERS, layers, strict=True)},
    }


def _item(items: Any, number: Any, place: str) -> Any:
    if type(number) is not int or not 0 <= number < len(items):
        raise UsageError(f"{place}: {number!r} is no number of an item in $.{FIELD}")
    return items[number]


def _steps(record: Plain) -> Iterator[tuple[str, Plain]]:
    """Yield every step with its place, as far as a record has the form of one."""
    for field in ("canaries", "scenarios"):
        for number, one in enumerate(_list(record.get(field))):
            steps = _list(one.get("steps")) if isinstance(one, dict) else []
            for order, step in enumerate(steps):
                if isinstance(step, dict):
                    yield f"$.{field}[{number}].steps[{order}]", step


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []
