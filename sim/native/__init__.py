"""The Verilated engine in a process of its own, without cocotb: fast enough to train on."""
