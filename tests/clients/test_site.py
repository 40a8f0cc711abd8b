"""What stands behind the paths, when nothing else is said."""

from wsserver.clients.site import Site


def nothing(_request):
    raise AssertionError("nobody asked for a page")


def test_unless_told_otherwise_everybody_may_knock_and_no_path_is_open_while_draining():
    site = Site(routers={}, pages={}, fallback=nothing)
    assert site.judge_host(None) is None
    assert site.judge_origin(None) is None
    assert site.open_paths == frozenset()
    assert not site.draining
