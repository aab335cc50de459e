import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.places.roads import polyline

positions = st.lists(
    st.tuples(
        st.floats(-90, 90).map(lambda value: round(value, 6)), st.floats(-180, 180).map(lambda value: round(value, 6))
    ),
    max_size=20,
)


def test_encodes_the_example_of_the_format() -> None:
    assert polyline.encode([(38.5, -120.2), (40.7, -120.95), (43.252, -126.453)]) == "_izlhA~rlgdF_{geC~ywl@_kwzCn`{nI"


@given(positions)
def test_decoding_gives_back_what_was_encoded(points: list[tuple[float, float]]) -> None:
    again = polyline.decode(polyline.encode(points))
    assert [round(degree, 6) for point in again for degree in point] == [degree for point in points for degree in point]


def test_joining_does_not_repeat_where_lines_meet() -> None:
    first, second = polyline.encode([(1.0, 2.0), (1.5, 2.5)]), polyline.encode([(1.5, 2.5), (3.0, 3.0)])
    assert polyline.decode(polyline.join([first, second])) == [(1.0, 2.0), (1.5, 2.5), (3.0, 3.0)]


def test_a_line_that_breaks_off_is_refused() -> None:
    with pytest.raises(ValueError, match="breaks off"):
        polyline.decode("_izlhA")
