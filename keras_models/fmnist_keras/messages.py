"""The message of an error of Keras, or of a person's own layers, as a part of one line."""


def one_line(error: BaseException) -> str:
    """The message of `error` on one line of at most 160 characters, or the name of its class where it says nothing."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # a class of somebody else's, whose __str__ fails
        text = ""
    return text[:160] or type(error).__name__
