"""Benchmarks: measurements side by side with peers; ``tenzo bench`` runs them."""

NAMES = ("host", "engine", "cosim", "train", "sweep", "startup")
"""Modules of this package with a function ``run(repetitions)``, which returns records."""
