"""One target under the fuzzer: `python -m tests.fuzz.driver NAME [options and folders of libFuzzer]`.

The only file that needs atheris. Everything of wsserver is instrumented as it is imported, nothing else is: what h11 or
the standard library do is no news.
"""

import sys

import atheris


def main() -> None:
    """Fuzz until the time is over or an input is a finding; libFuzzer ends the process."""
    # Lets the fuzzer see into startswith and endswith. The hook for patterns fails for those of bytes (atheris 3.0).
    atheris.enabled_hooks.add("str")
    with atheris.instrument_imports(include=["wsserver"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[sys.argv[1]]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
