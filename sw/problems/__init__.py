"""Problems that a network solves without data: differential equations, each in a file."""
