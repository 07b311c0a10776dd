"""Tables that do not fit in one transaction are built beside the one in force."""

from dataclasses import replace

from netlab.dataplane.nft import TableLoader, staged_transactions
from netlab.dataplane.rulesets import NftChain, NftSet, NftTable

_HOOK = "type filter hook forward priority filter; policy accept"
TABLE = NftTable(
    "t",
    sets=(NftSet("s0", "ipv4_addr", tuple(f"10.0.{i // 256}.{i % 256}" for i in range(2000))),),
    chains=(
        NftChain("forward", ("goto rest",), _HOOK),
        NftChain("rest", tuple(f"ip saddr 10.1.0.{i} accept" for i in range(200))),
    ),
)


def test_only_the_last_stage_takes_effect() -> None:
    """Base chains, and the deletion of the other table, come in the last transaction only."""
    found = list(staged_transactions(TABLE, instead_of="old"))
    assert len(found) > 2
    assert [False] * (len(found) - 1) + [True] == ["hook forward" in stage for stage in found]
    assert [False] * (len(found) - 1) + [True] == ["delete table inet old" in s for s in found]


def test_stages_leave_nothing_out() -> None:
    """Every element and every rule is in one of the stages."""
    text = "".join(staged_transactions(TABLE, instead_of="old"))
    assert all(element in text for element in TABLE.sets[0].elements)
    rules = [f"add rule inet t {c.name} {rule}\n" for c in TABLE.chains for rule in c.rules]
    assert all(rule in text for rule in rules)


class _Told:
    """Takes commands, and keeps the last."""

    def __init__(self) -> None:
        self.text = ""

    def run(self, ruleset: str) -> None:
        self.text = ruleset


def test_hooks_stay() -> None:
    """Linux empties the queues of a namespace when any hook goes; maps go before their chains."""
    verdicts = NftSet("m0", "inet_service : verdict", ("80 : goto other",))
    other = NftChain("other", ("accept",))
    old = replace(TABLE, sets=(*TABLE.sets, verdicts), chains=(*TABLE.chains, other))
    told = _Told()
    loader = TableLoader(told)
    loader.load(old)
    loader.load(TABLE)
    gone = ["flush chain inet t other", "delete map inet t m0", "delete chain inet t other"]
    assert [*gone, "table inet t {", "}"] == told.text.splitlines()


def test_other_hooks_replace_the_table() -> None:
    """A chain cannot be told another place."""
    told = _Told()
    loader = TableLoader(told)
    loader.load(TABLE)
    loader.load(replace(TABLE, chains=TABLE.chains[1:]))
    assert "delete table inet t\n" in told.text
