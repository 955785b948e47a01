"""The digits at the size of MNIST."""

from __future__ import annotations

import numpy as np

from tenzo.sw.data.datasets import load_digits
from tenzo.sw.data.digits28 import load_digits28, resample


def test_images_have_the_size_of_mnist_and_the_labels_of_the_digits() -> None:
    small, large = load_digits(), load_digits28()
    assert large.train_x.shape == (1287, 784)
    assert np.array_equal(large.test_y, small.test_y)


def test_plane_stays_a_plane_between_the_outermost_centres() -> None:
    row, column = np.mgrid[0:8, 0:8]
    image = resample((2.0 * row + column).reshape(1, 64)).reshape(28, 28)
    centres = (np.arange(28) + 0.5) * 8 / 28 - 0.5
    inside = slice(2, 26)  # two centres on each side lie beyond those of the small image
    expected = 2.0 * centres[inside, None] + centres[None, inside]
    assert np.allclose(image[inside, inside], expected, rtol=0, atol=1e-14)


def test_edge_goes_on_and_no_value_leaves_the_range() -> None:
    image = np.zeros((1, 8, 8))
    image[0, 0, 0] = 1.0
    large = resample(image.reshape(1, 64)).reshape(28, 28)
    assert large[0, 0] == 1.0 and large.min() == 0.0 and large.max() == 1.0
