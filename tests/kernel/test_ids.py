import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.kernel.ids import InvalidId, new_id, parse_id, public_id


@given(st.uuids())
def test_a_public_id_leads_back_to_its_uuid(identifier):
    assert parse_id("order", public_id("order", identifier)) == identifier


def test_public_ids_sort_by_creation():
    made = [new_id() for _ in range(200)]
    shown = [public_id("order", identifier) for identifier in made]
    assert shown == sorted(shown)


def test_the_published_example_of_the_typeid_specification_is_read():
    assert str(parse_id("prefix", "prefix_01h455vb4pex5vsknk084sn02q")) == "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.mark.parametrize(
    "text",
    ["", "order", "order_", "depot_01h455vb4pex5vsknk084sn02q", "order_01h455vb4pex5vsknk084sn02", "order_81h455vb4pex5vsknk084sn02q",
     "order_01h455vb4pex5vsknk084sn0iq", "order_01H455VB4PEX5VSKNK084SN02Q", "01h455vb4pex5vsknk084sn02q"],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(InvalidId):
        parse_id("order", text)
