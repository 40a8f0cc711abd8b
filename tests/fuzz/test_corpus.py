"""Every kept input through its target, and a short walk around them, without a fuzzer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.reach import describe, watch
from tests.fuzz.targets import CORPUS, TARGETS, Target

CORPUS_BYTES = 200_000
"""In all; the place for more is a fuzzer's own folder."""

EVERY = [pytest.param(target, id=target.name) for target in TARGETS.values()]


@pytest.mark.parametrize("target", EVERY)
def test_kept_inputs_break_no_demand(target: Target) -> None:
    inputs = target.inputs()
    assert inputs
    for name, data in inputs:
        try:
            target.run(data)
        except Exception as error:
            error.add_note(f"the input: {target.corpus / name}")
            raise


@st.composite
def bent(draw: st.DrawFn, target: Target) -> bytes:
    """Draw one of the kept inputs, bent in a few places, or any bytes at all."""
    data = draw(st.sampled_from([data for _, data in target.inputs()]) | st.binary(max_size=60))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = start + draw(st.sampled_from([0, 0, 1, 1, 2, 5, 20]))
        others = [st.sampled_from(target.words)] if target.words else []
        inserted = draw(st.one_of(st.binary(max_size=3), st.just(data[start:stop] * 2), *others))
        data = data[:start] + inserted + data[stop:]
    return data


@pytest.mark.parametrize("target", EVERY)
def test_bent_inputs_break_no_demand(target: Target) -> None:
    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(bent(target))
    def run(data: bytes) -> None:
        target.run(data)

    run()


def test_every_target_has_its_folder_and_all_are_small() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < CORPUS_BYTES


def test_reach_tells_what_an_input_gets_to_see() -> None:
    target = TARGETS["close"]
    empty, whole = watch(target, b""), watch(target, b"\x03\xe8bye")
    assert whole - empty and not watch(target, b"\x03\xe8bye") - whole
    assert "lines; not " in describe(target, empty)
