"""The digits that ship, resampled to the size of MNIST."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tenzo.sw.data.datasets import Dataset, load_digits
from tenzo.sw.numerics import FloatArray

SIDE, RESAMPLED_SIDE = 8, 28


def load_digits28() -> Dataset:
    """Return the digits as 28 x 28 images, for networks of MNIST where MNIST is not there.

    Samples, labels and splits are those of :func:`~tenzo.sw.data.datasets.load_digits`.
    """
    digits = load_digits()
    return replace(
        digits,
        name="digits28",
        train_x=resample(digits.train_x),
        validation_x=resample(digits.validation_x),
        test_x=resample(digits.test_x),
    )


def resample(images: FloatArray) -> FloatArray:
    """Return images of 8 x 8 pixels, (images, 64), as 28 x 28, (images, 784), bilinearly.

    Pixel centres are spread over the same square; beyond the outermost centres of the small image
    its edge goes on. Values stay between the least and the greatest of the image.
    """
    square = images.reshape(-1, SIDE, SIDE)
    return _stretch(_stretch(square, 1), 2).reshape(len(images), -1)


def _stretch(images: FloatArray, axis: int) -> FloatArray:
    """Interpolate linearly along one axis."""
    centres = (np.arange(RESAMPLED_SIDE) + 0.5) * SIDE / RESAMPLED_SIDE - 0.5
    places = np.clip(centres, 0, SIDE - 1)
    low = np.minimum(places.astype(np.int64), SIDE - 2)
    share = (places - low).reshape([-1 if other == axis else 1 for other in range(3)])
    below, above = images.take(low, axis), images.take(low + 1, axis)
    stretched: FloatArray = below * (1.0 - share) + above * share
    return stretched
