"""The sharpening step of the data set's conversion, on a picture of 28 pixels; the other steps are in
fmnist_runtime.preprocessing.fashion_mnist.

Source: Xiao, Rasul, Vollgraf: "Fashion-MNIST" (arXiv 1708.07747), section 2, step 4: a Gaussian of radius 1 and
standard deviation 1.0, "with increasing effect near outlines". ImageMagick documents `-adaptive-sharpen 1x1.0` in the
same words, so the kernel is ImageMagick's: the negative Gaussian, with twice its sum added in the middle. Neither
publishes how the effect grows near outlines. Here it is proportional to the strength of the outline, and full from half
of the strongest on.
"""

import numpy as np
from numpy.typing import NDArray

_SQUARES = np.array([[2, 1, 2], [1, 0, 1], [2, 1, 2]], np.float32)
_GAUSSIAN = np.exp(-_SQUARES / 2)
_FULL_FROM = 0.5


def sharpen(garment: NDArray[np.float32]) -> NDArray[np.float32]:
    """`garment`, (height, width) float32, sharpened; the result may be below 0 or above 255."""
    outlines = _convolve(np.abs(_convolve(garment, _laplacian())), _GAUSSIAN / _GAUSSIAN.sum())
    strongest = float(outlines.max())
    if strongest == 0:
        return garment
    effect = np.clip(outlines / np.float32(strongest * _FULL_FROM), 0, 1)
    result: NDArray[np.float32] = garment + effect * (_convolve(garment, _sharpening()) - garment)
    return result


def _sharpening() -> NDArray[np.float32]:
    kernel = -_GAUSSIAN
    kernel[1, 1] = 2 * _GAUSSIAN.sum()
    result: NDArray[np.float32] = kernel / kernel.sum()
    return result


def _laplacian() -> NDArray[np.float32]:
    kernel = np.full((3, 3), -1, np.float32)
    kernel[1, 1] = 8
    return kernel


def _convolve(garment: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """`garment` under the symmetric 3x3 `kernel`, its edge pixels repeated outwards."""
    height, width = garment.shape
    padded = np.pad(garment, 1, mode="edge")
    result = np.zeros_like(garment)
    for row in range(3):
        for column in range(3):
            result += kernel[row, column] * padded[row : row + height, column : column + width]
    return result
