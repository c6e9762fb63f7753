"""What is the client's own work stays so, although the server could do more."""

from __future__ import annotations

from support import Create


def test_the_comparison_of_two_sandboxes_works_already(create: Create) -> None:
    """The client does it by bash in both."""
    one, two = create(), create()
    for sandbox in (one, two):
        sandbox.upload(b"same", "/root/same")
        sandbox.upload(sandbox.id.encode(), "/root/changed")
    one.upload(b"x", "/root/only one")
    two.upload(b"x", "/root/only two")
    assert one.diff(two, ["/root"]) == {
        "added": ["/root/only two"],
        "removed": ["/root/only one"],
        "modified": ["/root/changed"],
    }
