"""Arrays by name: what passes between frameworks, dumps and comparisons."""

import numpy as np

Arrays = dict[str, np.ndarray]
