"""Who may come in: origins and host names."""
