import xml.etree.ElementTree as ET

import pytest

from wsserver.bench.svg import _round_up, bars, lines, picture

NS = "{http://www.w3.org/2000/svg}"


def test_a_picture_is_xml_and_as_high_as_its_parts():
    root = ET.fromstring(
        picture([bars("a", [("x", 1.0)], "s"), lines("b", [(0, 1), (1, 2)], [(0, "0"), (1, "1")], "s")])
    )
    assert root.tag == f"{NS}svg"
    assert int(root.get("height")) == 30 + 22 + 16 + 240
    assert [part.get("transform") for part in root.iter(f"{NS}g")] == ["translate(0 0)", "translate(0 68)"]


def test_names_are_escaped():
    root = ET.fromstring(picture([bars("<&>", [('"<b>"', 2.0)], "µs")]))
    texts = [text.text for text in root.iter(f"{NS}text")]
    assert texts == ["<&> (µs)", '"<b>"', "2.00"]


def test_bars_are_as_long_as_what_they_stand_for():
    root = ET.fromstring(picture([bars("a", [("x", 1.0), ("y", 4.0), ("z", 0.0)], "s")]))
    widths = [float(rect.get("width")) for rect in root.iter(f"{NS}rect")]
    assert widths[1] == pytest.approx(4 * widths[0], rel=0.01)
    assert widths[2] == 0


def test_a_line_stays_inside_its_frame():
    root = ET.fromstring(picture([lines("a", [(0, 0), (5, 7.3), (10, 3)], [(0, "0"), (10, "10")], "ms")]))
    line = root.find(f".//{NS}polyline").get("points")
    points = [tuple(map(float, point.split(","))) for point in line.split()]
    assert points[0][0] == 70 and points[-1][0] == 730
    assert all(34 <= y <= 206 for _, y in points)


@pytest.mark.parametrize("rows", [[], [("x", 0.0)]])
def test_nothing_can_be_drawn(rows):
    ET.fromstring(picture([bars("a", rows, "s"), lines("b", [], [(0, "0"), (0, "0")], "s")]))


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (1.1, 1.2), (7.3, 8), (9, 10), (123, 160), (0.034, 0.04)])
def test_axes_end_at_round_numbers(value, top):
    assert _round_up(value) == pytest.approx(top)
