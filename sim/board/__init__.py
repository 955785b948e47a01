"""A board that is simulated: the Verilated engine and its serial line behind a pseudo-terminal."""
