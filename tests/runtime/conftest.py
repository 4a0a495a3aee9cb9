"""What the tests of the runtime share: the tiny model."""

import pytest
from tiny_model import TINY, plain


@pytest.fixture(scope="session")
def tiny() -> bytes:
    """The tiny model as a plain .tflite."""
    return plain(TINY)
