"""Lines of real miners are read by the server's types, and answers have the form that miners expect."""

import json
from typing import Any

import pytest

from hashjoule.stratum import messages
from hashjoule.stratum.messages import (
    Authorize,
    Configure,
    Difficulty,
    ErrorCode,
    Message,
    Submit,
    Subscribe,
    VersionRolling,
    decode,
    decode_message,
)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (["bitaxe/BM1370/v2.12.0"], Subscribe("bitaxe/BM1370/v2.12.0")),
        (["cpuminer-opt/26.1", "session", "pool", 3333], Subscribe("cpuminer-opt/26.1")),
        ([None], Subscribe()),
        ([], Subscribe()),
        (["alice.worker", "x"], Authorize("alice.worker", "x")),
        (["alice"], Authorize("alice")),
        (["alice", None], Authorize("alice")),
        ([512], Difficulty(512.0)),
        (
            [["version-rolling"], {"version-rolling.mask": "ffffffff"}],
            Configure(["version-rolling"], VersionRolling("ffffffff")),
        ),
        (
            [["minimum-difficulty", "version-rolling"], {"version-rolling.min-bit-count": 2, "other": 1}],
            Configure(["minimum-difficulty", "version-rolling"], VersionRolling("ffffffff", 2)),
        ),
        ([["info"]], Configure(["info"])),
        (["u", "1f", "0000", "496ab951", "709E3E28"], Submit("u", "1f", "0000", "496ab951", "709E3E28")),
        (
            ["u", "1f", "", "496ab951", "709e3e28", "00002000"],
            Submit("u", "1f", "", "496ab951", "709e3e28", "00002000"),
        ),
    ],
)
def test_parameters_of_real_miners(params: Any, expected: Any) -> None:
    """Miners leave some parameters out and add others."""
    line = json.dumps({"id": 1, "method": "m", "params": params}).encode()
    assert decode(decode_message(line).params, type(expected)) == expected


BAD: dict[str, tuple[Any, Any]] = {
    "no user": ([], Authorize),
    "a share without a nonce": (["u", "1f", "00", "496ab951"], Submit),
    "an odd extranonce2": (["u", "1f", "000", "496ab951", "709e3e28"], Submit),
    "a nonce of nine digits": (["u", "1f", "00", "496ab951", "0709e3e28"], Submit),
    "a nonce that is a number": (["u", "1f", "00", "496ab951", 7], Submit),
    "a time that is no hex": (["u", "1f", "00", "x", "709e3e28"], Submit),
    "an endless job id": (["u", "1" * 1000, "00", "496ab951", "709e3e28"], Submit),
    "a mask that is none": ([["version-rolling"], {"version-rolling.mask": "1fffe000f"}], Configure),
    "an object": ({"user": "alice"}, Authorize),
}


@pytest.mark.parametrize(("params", "kind"), BAD.values(), ids=BAD)
def test_bad_parameters_are_found_when_they_are_read(params: Any, kind: Any) -> None:
    """Nothing uses them before."""
    line = json.dumps({"id": 1, "method": "m", "params": params}).encode()
    with pytest.raises(ValueError, match=r"\w"):
        decode(decode_message(line).params, kind)


@pytest.mark.parametrize("line", [b"", b"[]", b"{", b'{"params":' + b"[" * 100_000, b'{"id": "\xff"}', b'{"id": {}}'])
def test_lines_that_are_no_message(line: bytes) -> None:
    """Each is a ValueError, however deep the nesting."""
    with pytest.raises(ValueError, match=r"\w"):
        decode_message(line)


def test_deep_parameters_are_a_value_error() -> None:
    """Parameters stay raw JSON until they are read."""
    with pytest.raises(ValueError, match="nested too deeply"):
        decode(b"[" * 5_000 + b"]" * 5_000, Any)


def test_lines_have_the_usual_form() -> None:
    """A line is one JSON object; an error has three items, and a notification's id is null."""
    assert messages.request(3, "mining.submit", ["a"]) == b'{"id":3,"method":"mining.submit","params":["a"]}\n'
    assert json.loads(messages.notification("mining.set_difficulty", Difficulty(0.5))) == {
        "id": None,
        "method": "mining.set_difficulty",
        "params": [0.5],
    }
    assert json.loads(messages.answer("x", True)) == {"id": "x", "result": True, "error": None}
    refused = messages.error_answer(9, ErrorCode.DUPLICATE, "duplicate share")
    assert json.loads(refused) == {"id": 9, "result": None, "error": [22, "duplicate share", None]}
    assert messages.decode_error(decode_message(refused).error) == (22, "duplicate share")
    assert decode_message(messages.request(3, "m", [])) == Message(3, "m")
