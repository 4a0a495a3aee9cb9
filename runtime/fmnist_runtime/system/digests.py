"""SHA-256 of bytes; of small ones without OpenSSL, so that a classifier starts faster. It reads no files."""

import contextlib
from collections.abc import Callable
from typing import Any

# hashlib loads OpenSSL: 2 ms and 3 MB, more than the digest of a small model takes. CPython's own SHA-256 is a private
# module that moved in 3.12, so hashlib stands in where neither exists.
_small_sha256: Callable[[bytes], Any] | None = None
for _module in ("_sha2", "_sha256"):
    with contextlib.suppress(ImportError, AttributeError):
        _small_sha256 = __import__(_module).sha256
_LARGE = 2**20


def sha256(content: bytes) -> str:
    """SHA-256 of `content` as 64 lower-case hexadecimal digits."""
    if len(content) < _LARGE and _small_sha256:
        return str(_small_sha256(content).hexdigest())
    import hashlib

    return hashlib.sha256(content).hexdigest()
