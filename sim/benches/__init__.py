"""Modules of cocotb tests; cocotb imports them inside the simulator's process."""
