"""Benchmarks: measurements side by side with peers; ``tenzo bench`` runs them."""
