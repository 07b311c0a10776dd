"""When and after which pause a container is started again."""

import pytest

from netlab.controllers.containers import back_off_s, is_restarted


def test_the_first_restart_comes_at_once_then_the_pause_doubles() -> None:
    """No pause, then half a second, doubling."""
    assert [back_off_s(failures) for failures in range(1, 6)] == [0.0, 0.5, 1.0, 2.0, 4.0]


def test_the_pause_has_a_limit() -> None:
    """However often a container fails, it is tried once a minute."""
    assert back_off_s(1000) == 60.0


@pytest.mark.parametrize(
    ("policy", "code", "expected"),
    [
        ("Always", 0, True),
        ("Always", 1, True),
        ("OnFailure", 0, False),
        ("OnFailure", 1, True),
        ("Never", 0, False),
        ("Never", 1, False),
    ],
)
def test_the_restart_policy_decides(policy: str, code: int, *, expected: bool) -> None:
    """Always restarts, Never does not, OnFailure looks at the exit code."""
    assert is_restarted(policy, code) is expected
