"""What counts as an agent's proof of who it is."""

import json

import pytest

from netproof.errors import ProbeError
from netproof.probe import agent
from netproof.probe.identity import fresh_nonce, proven, read_told, request
from netproof.probe.messages import KeyRing, agent_key

SECRET, RUN = "the run's own", "run1"


def _answer(
    nonce: str,
    identity: str = "shop/web",
    key: str = "",
    proof_of: str = "",
    secret: str = SECRET,
) -> bytes:
    """Return what an agent answers, or one that has another key, or repeats itself."""
    seal = bytes.fromhex(agent_key(secret, key or identity, RUN))
    proof = agent.proof(seal, (proof_of or nonce).encode())
    said = {"identity": identity, "nonce": nonce, "from": "127.0.0.1", "proof": proof}
    return json.dumps(said).encode()


def _proven(answer: bytes, nonce: str) -> tuple[str, str]:
    return proven(answer, nonce, wanted=["shop/web"], keys=KeyRing(RUN, SECRET))


def test_a_proof_has_the_nonce_that_was_sent() -> None:
    """Who answered, and as whom it saw us."""
    nonce = fresh_nonce()
    assert f"netproof {nonce}\n".encode() == request(nonce)
    assert ("shop/web", "127.0.0.1") == _proven(_answer(nonce), nonce)


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
        (b'{"identity": "shop/web", "nonce": "new"}', "as shop/web has not its key"),
        (_answer("new", identity="shop/db"), "shop/db answered in place of shop/web"),
        (_answer("new", key="shop/db"), "as shop/web has not its key"),
        (_answer("new", proof_of="old"), "as shop/web has not its key"),
        (_answer("new", secret="another run's"), "as shop/web has not its key"),
    ],
)
def test_anything_else_is_no_proof(answer: bytes, message: str) -> None:
    """Not even an agent's answer to somebody else."""
    with pytest.raises(ProbeError, match=message):
        _proven(answer, "new")


def test_what_asked_in_a_pod_tells_an_answer_and_an_error() -> None:
    """A line of two words; a container may say anything else instead."""
    assert ("", "refused") == read_told('["", "refused"]')
    for said in ("", "Traceback", "[1, 2]", "[" * 9000):
        with pytest.raises(ProbeError, match="what asked said"):
            read_told(said)
