"""Experiments: published results and our own, rerun from definitions that ship with the package."""
