"""Software: formats, networks, planner, golden model, training, reports, command line."""
