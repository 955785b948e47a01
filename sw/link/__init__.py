"""Packets from the host's side, and the model of an engine's link and controller."""
