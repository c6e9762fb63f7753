"""Secrets and clones; what the gate does with them is tested in Java, with hosts of its own."""

from __future__ import annotations

import pytest

from podflare import errors
from support import Create


def test_a_secret_is_a_placeholder_in_the_sandbox(create: Create) -> None:
    first = {"name": "API_KEY", "hosts": ["api.example"], "header": "X-Key", "value": "v-4711"}
    sandbox = create(secrets=[first])
    (secret,) = sandbox.secrets.list()
    assert (secret.name, secret.hosts, secret.header) == ("API_KEY", ["api.example:443"], "X-Key")
    assert (secret.uses, secret.last_used_at, secret.query) == (0, None, None)
    seen = sandbox.run_code("import os; print(os.environ['API_KEY'])").stdout.strip()
    assert seen == secret.placeholder
    assert "4711" not in sandbox.run_code("env", "bash").stdout

    second = sandbox.secrets.set("OTHER", "v-4712", hosts=["*.other.example:8443"], query="key")
    assert second.query == "key"
    changed = sandbox.secrets.set("API_KEY", "v-4713", hosts=["api.example"], header="X-Key")
    assert changed.placeholder == secret.placeholder
    assert changed.changed_at > secret.changed_at
    (child,) = sandbox.fork()
    with child:
        assert [it.name for it in child.secrets.list()] == ["API_KEY", "OTHER"]
    sandbox.secrets.delete("OTHER")
    with pytest.raises(errors.SecretNotFound):
        sandbox.secrets.delete("OTHER")
    with pytest.raises(errors.InvalidField):
        sandbox.secrets.set("BAD", "x", hosts=["192.0.2.1"], header="X-Key")
    assert [it.name for it in sandbox.secrets.list()] == ["API_KEY"]


def test_a_clone_says_why_it_cannot_be(create: Create) -> None:
    sandbox = create()
    with pytest.raises(errors.GitNotAvailable):  # of the template minimal
        sandbox.git_clone("https://git.example/team/app.git", depth=1)
    with pytest.raises(errors.InvalidField):
        sandbox.git_clone("https://user:word@git.example/team/app.git")
