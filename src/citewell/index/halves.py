"""Vectors of 16-bit numbers as they are computed with: 32 bits each."""

import numpy as np
from numpy.typing import NDArray

from citewell.index.index import Vector

# IEEE 754, 3.6: binary16 has 10 bits of fraction and a bias of 15, binary32 has 23 and 127.
_WIDER_BY = 13
_SIGN_AND_REST = np.int32(-0x7000_2000)
_BIAS = np.float32(2.0 ** (127 - 15))


def widened(halves: NDArray[np.float16]) -> Vector:
    """The same numbers, all of them finite, in a new array.

    Numpy's own conversion takes them one by one, three times as long.
    """
    bits = halves.view(np.int16).astype(np.int32)
    bits <<= _WIDER_BY
    # The sign was spread over the bits that the exponent does not use yet.
    bits &= _SIGN_AND_REST
    wide: Vector = bits.view(np.float32)
    wide *= _BIAS
    return wide
