"""Volumes; the conformance script has every call of them."""

from __future__ import annotations

import pytest

from podflare import Client, errors
from support import Create


def test_a_volume_outlives_its_sandboxes_and_is_no_part_of_them(
    create: Create, client: Client
) -> None:
    mount = {"volume": "sdk-notes", "path": "/notes", "create": True}
    try:
        sandbox = create(mounts=[mount], undo=3)
        (mounted,) = sandbox.info().mounts
        assert (mounted.volume, mounted.path, mounted.read_only) == ("sdk-notes", "/notes", False)
        (child,) = sandbox.fork()
        with child:
            child.files.write("/notes/child", "of the child")
        assert sandbox.files.read_text("/notes/child") == "of the child"
        sandbox.run_code("echo kept >/notes/kept; sync /notes/kept; echo gone >/root/gone", "bash")
        sandbox.undo()
        assert sandbox.files.read_text("/notes/kept") == "kept\n"
        with pytest.raises(errors.FileNotFound):
            sandbox.files.read("/root/gone")
        with pytest.raises(errors.VolumeInUse) as used:
            client.volumes.delete("sdk-notes")
        assert used.value.details["sandboxes"] == [sandbox.id]
        sandbox.close()
        info = client.volumes.get("sdk-notes")
        assert (info.id, info.mounted_in, info.files) == (mounted.volume_id, [], 2)
        client.volumes.delete(info.id)
        assert "sdk-notes" not in [one.name for one in client.volumes.list()]
    finally:
        client.volumes.delete("sdk-notes", force=True)
