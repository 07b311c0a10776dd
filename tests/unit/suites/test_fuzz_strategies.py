"""What random bundles are made of."""

from hypothesis import HealthCheck, find, given, settings

from suites.fuzz.strategies import bundles
from suites.generated.case import dump

UNTIMED = settings(
    max_examples=60, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


@UNTIMED
@given(bundles(blocks=False))
def test_ip_blocks_can_be_left_out(bundle: tuple[dict[str, object], ...]) -> None:
    """Where a CNI is known to read ipBlocks its own way, everything else can still be tried."""
    assert "ipBlock" not in dump(bundle)


def test_ip_blocks_are_tried() -> None:
    """Unless they are left out there are bundles with one."""
    found = find(bundles(), lambda one: "ipBlock" in dump(one), settings=UNTIMED)
    assert "ipBlock" in dump(found)
