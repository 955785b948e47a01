"""Derivatives of a network from forward passes alone."""
