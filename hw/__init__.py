"""Gateware: the engine in Amaranth, one file per block of the diagram."""
