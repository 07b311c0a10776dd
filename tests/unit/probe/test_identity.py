"""What counts as an agent's proof of who it is."""

import json

import pytest

from netproof.errors import ProbeError
from netproof.probe.identity import fresh_nonce, proven, request


def test_a_proof_has_the_nonce_that_was_sent() -> None:
    """Who answered, and as whom it saw us."""
    nonce = fresh_nonce()
    assert f"netproof {nonce}\n".encode() == request(nonce)
    answer = json.dumps({"identity": "shop/web", "nonce": nonce, "from": "127.0.0.1"})
    assert ("shop/web", "127.0.0.1") == proven(answer.encode(), nonce)


def test_no_two_nonces_are_the_same() -> None:
    """Nobody can have answered one before."""
    assert fresh_nonce() != fresh_nonce()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "no agent of ours"),
        (b"SSH-2.0-x", "no agent of ours"),
        (b"[]", "no agent of ours"),
        (b'{"identity": "shop/web"}', "no agent of ours"),
        (b'{"identity": "shop/web", "nonce": "old"}', "shop/web answered with another nonce"),
    ],
)
def test_anything_else_is_no_proof(answer: bytes, message: str) -> None:
    """Not even an agent's answer to somebody else."""
    with pytest.raises(ProbeError, match=message):
        proven(answer, "new")
