from wsserver.http.errors import RequestError


def test_error_says_what_to_answer_and_reads_well_in_a_log():
    error = RequestError(405, "Use GET.", (("Allow", "GET"),))
    assert (error.status, error.detail, error.headers) == (405, "Use GET.", (("Allow", "GET"),))
    assert str(error) == "405: Use GET."


def test_error_needs_no_headers():
    assert RequestError(400, "No.").headers == ()
