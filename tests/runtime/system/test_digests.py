"""SHA-256 with and without hashlib."""

import hashlib

from fmnist_runtime.system.digests import sha256


def test_small_and_large_contents_give_hashlibs_digest() -> None:
    for content in (b"", b"abc", bytes(2**20 - 1), bytes(2**20)):
        assert sha256(content) == hashlib.sha256(content).hexdigest()
