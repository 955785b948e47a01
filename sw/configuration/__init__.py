"""The TOML file: its tables, errors and overrides."""
