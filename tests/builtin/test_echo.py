from __future__ import annotations


def test_gives_back_what_it_got(run):
    payload = {"text": "ü", "list": [1, None, {"deep": True}], "number": 0.5}
    assert run("echo", **payload) == payload
    assert run("echo") == {}
