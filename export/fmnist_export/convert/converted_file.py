"""The conversion stage of an export: a loaded model in one precision, with the sample it was calibrated on."""

from collections.abc import Callable
from dataclasses import dataclass

from fmnist_export.convert.calibration_sample import CalibrationSample
from fmnist_export.convert.converter import convert_prepared, prepare
from fmnist_export.convert.flatbuffer import Flatbuffer
from fmnist_export.prepare.rounding import PreparedModel
from fmnist_export.source.loaded_model import LoadedModel
from fmnist_runtime.data.dataset import Split


@dataclass(frozen=True)
class ConvertedFile:
    """A loaded model in `precision`.

    `prepared` is the Keras model that the converter got; `calibration` says on which training images the ranges were
    measured.
    """

    precision: str
    prepared: PreparedModel
    flatbuffer: Flatbuffer
    calibration: CalibrationSample

    @property
    def is_calibrated(self) -> bool:
        """Whether the precision has integer activations, whose ranges come from the calibration images."""
        return "int" in self.precision


def convert_model(loaded: LoadedModel, precision: str, training: Split, say: Callable[[str], None]) -> ConvertedFile:
    """Convert `loaded` to `precision`, a key of converter.CONVERTERS. Raises ExportError as converter.convert does."""
    say(f"converting to {precision}")
    calibration = CalibrationSample.for_split(training)
    images = loaded.inputs(calibration.images(training))
    prepared = prepare(loaded.model, precision, images)
    return ConvertedFile(
        precision=precision,
        prepared=prepared,
        flatbuffer=convert_prepared(prepared, precision, images),
        calibration=calibration,
    )
