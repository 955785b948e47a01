"""Networks in floating point, for comparison with fixed point: no rounding to integers."""
