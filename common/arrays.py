"""The two kinds of array that every signature here names."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating]  # float32 or float64
Ids: TypeAlias = NDArray[np.integer]  # token ids, in [0, V), or counts
