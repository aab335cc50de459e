"""JSON objects of the clients: kept as they came, or refused."""

import pytest

from doorstep.kernel.graphql.scalars import SCALARS, JSONObject

parse = SCALARS[JSONObject].parse_value


@pytest.mark.parametrize("value", [{"a": 1e308}, {"a": 2**64 - 1}, {"a": "\\u0000"}, {"a": [{}, None, "\\"]}, {}])
def test_what_json_holds_is_kept(value: dict[str, object]) -> None:
    assert parse is not None
    assert parse(value) == value


@pytest.mark.parametrize(
    "value",
    [{"a": float("inf")}, {"a": float("nan")}, {"a": 2**64}, {"a": "\x00"}, {"\x00": 1}, {"a": "\\\x00"}, [1], "x"],
)
def test_what_it_does_not_hold_is_refused(value: object) -> None:
    assert parse is not None
    with pytest.raises(ValueError, match="expected"):
        parse(value)
