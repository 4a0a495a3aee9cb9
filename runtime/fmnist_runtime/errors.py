"""The errors that fmnist-edge raises on purpose: one class for each cause.

    FmnistError                     base of all; the message is one line
    ├── ModelFileError              the model file is missing, unreadable or too large
    │   ├── DamagedModelError       its bytes are damaged or cut short, or it is not a TFLite model
    │   ├── DescriptionError        its description (fmnist.json) is invalid or of another schema
    │   └── InterfaceError          it is a valid model, but not a classifier of 28x28 images
    ├── GoldenFileError             the golden file is damaged, or belongs to another model
    ├── NoProofError                nothing tells which answers of the model are right
    ├── RuntimeMissingError         no TFLite interpreter works on this machine
    ├── UnknownBackendError         the name of the interpreter is not one of those that exist
    ├── IncompatibleModelError      this interpreter refuses the model (operator, version)
    ├── InferenceError              the model fails on an image
    ├── InvalidOutputError          the model's outputs are NaN, infinite or all zero
    ├── NoScoresError               the model's outputs are neither probabilities nor logits
    ├── ThreadsError                the number of interpreter threads is not 1 or more
    ├── ClosedError                 the classifier is closed
    ├── ForkError                   the classifier's threads stayed in the process that was forked
    ├── PixelRangeError             a stated pixel range is invalid, or contradicts the model file
    ├── LabelsError                 the class names are unusable, or contradict the model file
    ├── ImageError                  an image is unreadable, or has the wrong shape, dtype or values
    ├── DataError                   the data set is missing, incomplete, damaged, or another one
    ├── TrainingError               training cannot start or cannot go on
    ├── KerasUnavailableError       Keras or TensorFlow is not installed, or is set to another backend
    ├── ModelCopyError              a copy of a Keras model gives other outputs than the model
    ├── ExportError                 the Keras model cannot be converted, or the result failed its proof
    ├── WriteError                  a file or folder cannot be written
    ├── LockFileError               the lock file cannot be used
    ├── LockedError                 another process works in the same folder
    └── Interruption                Ctrl-C; the message says what was kept. Commands exit with 130

Each message says what was found, what was expected and what to do.
"""


class FmnistError(Exception):
    """Base of every error that fmnist-edge raises on purpose."""


class ModelFileError(FmnistError):
    """A model file is missing, unreadable or too large; the subclasses are about its content."""


class DamagedModelError(ModelFileError):
    """A model file is damaged or cut short, or is not a TFLite model."""


class DescriptionError(ModelFileError):
    """The description in a model file is invalid, or has a schema that this version does not read."""


class InterfaceError(ModelFileError):
    """A valid model is not a classifier of 28x28 images: its inputs, outputs, labels or structure do not fit."""


class GoldenFileError(FmnistError):
    """A golden file is missing or damaged, or was made for another model."""


class NoProofError(FmnistError):
    """Nothing tells which answers of a model are right: it has no proof, no golden file and no data set."""


class RuntimeMissingError(FmnistError):
    """No TFLite interpreter works on this machine; the message holds the command that installs one."""


class UnknownBackendError(FmnistError):
    """The caller names an interpreter that does not exist."""


class IncompatibleModelError(FmnistError):
    """The interpreter on this machine refuses a valid model."""


class InferenceError(FmnistError):
    """A model that loads fails on an image."""


class InvalidOutputError(FmnistError):
    """The outputs of a model are NaN, infinite or all zero, so its weights are damaged."""


class NoScoresError(FmnistError):
    """The outputs of a model are neither probabilities nor logits, so they have no scores."""


class ThreadsError(FmnistError):
    """The number of interpreter threads is not 1 or more."""


class ClosedError(FmnistError):
    """The classifier is closed."""


class ForkError(FmnistError):
    """The threads of a classifier stayed in the process that was forked."""


class PixelRangeError(FmnistError):
    """A stated pixel range, mean or standard deviation is invalid, or contradicts the model file."""


class LabelsError(FmnistError):
    """The class names are unusable, or contradict the model file."""


class ImageError(FmnistError):
    """An image is unreadable, or its shape, dtype or values are not those that the model takes."""


class DataError(FmnistError):
    """The files of a data set are missing, incomplete or damaged, or are those of another data set."""


class TrainingError(FmnistError):
    """Training cannot start or cannot be resumed as asked."""


class KerasUnavailableError(FmnistError):
    """Keras on TensorFlow cannot be used here; the message holds what to install, mend or set."""


class ModelCopyError(FmnistError):
    """A copy of a Keras model gives other outputs than the model, or cannot take over its state."""


class ExportError(FmnistError):
    """A Keras model cannot be converted, or the converted file failed its proof."""


class WriteError(FmnistError):
    """A file or folder cannot be written."""


class LockFileError(FmnistError):
    """A lock file cannot be opened, or another kind of file is in its place."""


class LockedError(FmnistError):
    """Another process holds a lock; the message names it."""


class Interruption(FmnistError):  # noqa: N818  # no error of the program: a person pressed Ctrl-C
    """Ctrl-C ended the work; the message says what was kept and how to continue."""
