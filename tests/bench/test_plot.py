import xml.etree.ElementTree as ET

from tests.bench.found import findings, latencies
from wsserver.bench.plot import _per_second, _percentiles, draw
from wsserver.bench.report import report

NS = "{http://www.w3.org/2000/svg}"


def test_it_shows_percentiles_and_seconds():
    run = findings()
    root = ET.fromstring(draw(run, report(run)))
    assert len(root.findall(f".//{NS}polyline")) == 2
    assert "echo on ws://127.0.0.1:8080/echo: latency by percentile" in [t.text for t in root.iter(f"{NS}text")]


def test_the_curve_ends_where_there_are_no_more_values_to_tell_of():
    curve = _percentiles(findings())
    assert curve[-1] == (3.0, 0.999)
    assert curve[20] == (1.0, 0.9)
    assert len(_percentiles(findings(latency=latencies(*range(1, 20_001))))) == 81


def test_seconds_are_differences():
    assert _per_second(findings()) == [(0.0, 600.0), (1.0, 600.0), (2.0, 400.0)]


def test_nothing_measured_can_be_drawn():
    run = findings(latency=latencies(), timeline=[])
    root = ET.fromstring(draw(run, report(run)))
    assert len(root.findall(f".//{NS}polyline")) == 1
