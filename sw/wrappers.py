"""Names of the wrappers that an engine's Verilog can have."""

AXI_STREAM = "axi-stream"
"""Ports of AXI4-Stream: :mod:`tenzo.hw.axi_stream`."""

WRAPPERS = (AXI_STREAM,)
"""All of them."""
