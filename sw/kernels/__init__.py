"""Kernels of the golden model: what evaluates queries on the host."""
