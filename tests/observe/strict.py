"""Reads Prometheus text as strictly as its specification allows: what we write is judged by somebody else's eyes.

samples = read(text)              {("wsserver_clients", (("state", "open"),)): 3.0, ...}
"""

import re

NAME = re.compile(r"[a-z][a-z0-9_]*")
SAMPLE = re.compile(r'([a-z][a-z0-9_]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"')
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}

Key = tuple[str, tuple[tuple[str, str], ...]]


def read(text: str, openmetrics: bool = False) -> dict[Key, float]:
    """Return all samples. Fails for anything that is not as it should be."""
    assert not text or text.endswith("\n")
    lines = text.split("\n")[:-1]
    if openmetrics:
        assert lines.pop() == "# EOF"
    samples: dict[Key, float] = {}
    seen: set[str] = set()
    family, kind = "", ""
    helped = ""
    for line in lines:
        if line.startswith("# HELP "):
            helped, words = line[7:].split(" ", 1)
            assert words.strip(), line
            assert NAME.fullmatch(helped), line
            assert helped not in seen, f"{helped} comes twice"
            seen.add(helped)
        elif line.startswith("# TYPE "):
            family, kind = line[7:].split(" ")
            assert family == helped, f"{family} has no HELP before it"
            if kind == "counter" and not openmetrics:
                assert family.endswith("_total"), line
                family = family.removesuffix("_total")
        else:
            key, value = read_sample(line)
            assert key[0] in {family + suffix for suffix in SUFFIXES[kind]}, f"{line} is not of {family} ({kind})"
            assert key not in samples, f"{key} comes twice"
            assert kind == "gauge" or value >= 0, line
            samples[key] = value
    judge_histograms(samples)
    return samples


def read_sample(line: str) -> tuple[Key, float]:
    match = SAMPLE.fullmatch(line)
    assert match, f"no sample: {line!r}"
    labels = tuple(LABEL.findall(match[2] or ""))
    assert len(dict(labels)) == len(labels), line
    return (match[1], labels), float(match[3])


def judge_histograms(samples: dict[Key, float]) -> None:
    """Buckets rise in bound and count, end with +Inf, and that is the count."""
    names = {name.removesuffix("_bucket") for name, _ in samples if name.endswith("_bucket")}
    for name in names:
        buckets = [
            (float(dict(labels)["le"]), value) for (at, labels), value in samples.items() if at == f"{name}_bucket"
        ]
        assert buckets == sorted(buckets), name
        assert [value for _, value in buckets] == sorted(value for _, value in buckets), name
        assert buckets[-1] == (float("inf"), samples[f"{name}_count", ()]), name
        assert f"{name}_sum", () in samples
