"""From a network to a stage program: stages, memory, shifts, exact cycles."""
