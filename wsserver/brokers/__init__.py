"""Ways from one server process to the others: through the supervisor of a machine, through Redis."""
