"""Boards: one small file per board."""
