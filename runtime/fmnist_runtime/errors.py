"""The errors that fmnist-edge raises on purpose.

    FmnistError                    every one of them; its message is one line
    ├── ModelFileError             the file is damaged, is not a model, or has another interface
    ├── RuntimeMissingError        no TFLite interpreter works on this machine
    ├── IncompatibleModelError     this runtime refuses the model (operator, version)
    ├── PixelRangeError            a stated range of pixels is none
    ├── ImageError                 the image is unreadable, or has the wrong shape, dtype or values
    ├── DataError                  the data set is missing, incomplete or damaged
    ├── TrainingError              training cannot start or cannot go on
    ├── KerasUnavailableError      Keras or TensorFlow is not installed, or is set to something else
    ├── ModelCopyError             a copy of a Keras model gives other outputs than the model
    ├── ExportError                the Keras model cannot be converted, or the result failed its proof
    ├── LockedError                another process works in the same folder
    └── Interruption               Ctrl-C; the message says what was kept. Commands exit with 130

Each message says what was found, what was expected and what to do.
"""


class FmnistError(Exception):
    """Base of every error that fmnist-edge raises on purpose."""


class ModelFileError(FmnistError):
    """A model file is damaged, is not a TFLite model, or has another interface than an image classifier."""


class RuntimeMissingError(FmnistError):
    """No TFLite interpreter works on this machine; the message holds the command that fixes it."""


class IncompatibleModelError(FmnistError):
    """The runtime at hand refuses an otherwise sound model."""


class PixelRangeError(FmnistError):
    """A stated range of pixels, a mean or a standard deviation is none."""


class ImageError(FmnistError):
    """An image is unreadable, or its shape, dtype or values are not those of the data set."""


class DataError(FmnistError):
    """The Fashion-MNIST files are missing, incomplete or damaged."""


class TrainingError(FmnistError):
    """Training cannot start or cannot be resumed as asked."""


class KerasUnavailableError(FmnistError):
    """Keras on TensorFlow cannot be used here; the message holds what to install, mend or set."""


class ModelCopyError(FmnistError):
    """A copy of a Keras model gives other outputs than the model, or cannot have its state."""


class ExportError(FmnistError):
    """A Keras model cannot be converted, or the converted file failed its proof."""


class LockedError(FmnistError):
    """Another process holds a lock; the message names it."""


class Interruption(FmnistError):  # noqa: N818  # no error of the program: a person pressed Ctrl-C
    """Ctrl-C ended the work; the message says what was kept and how to go on."""
