from wsserver.bench.errors import UsageError


def test_a_usage_error_is_its_sentence():
    assert str(UsageError("use less")) == "use less"
