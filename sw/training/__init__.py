"""Zeroth-order training: the loop, its parts, and the run directory."""
