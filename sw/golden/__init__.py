"""The golden model: the semantics of the engine in NumPy, and a slow twin in Python integers."""
