"""Text that is safe on a terminal. Imports nothing, for the installer in a bundle, which runs without click."""


def printable(text: str) -> str:
    """`text` with all that a terminal might act on (escape sequences, changes of direction) as \\x1b, \\u202e, ..."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
