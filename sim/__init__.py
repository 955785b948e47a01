"""Simulation: builds and drives the Verilog, and compares it with the golden model."""
