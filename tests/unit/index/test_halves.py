"""Numbers of 16 bits as numbers of 32."""

import numpy as np

from citewell.index.halves import widened


def test_every_finite_number_of_16_bits_is_the_same_number_of_32() -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)].reshape(-1, 2)
    wide = widened(finite)
    assert wide.dtype == np.float32
    np.testing.assert_array_equal(wide, finite.astype(np.float32))
    np.testing.assert_array_equal(np.signbit(wide), np.signbit(finite))
