"""Data sets: those that ship, those that a user names, and synthetic ones."""
