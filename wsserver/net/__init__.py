"""BYTES: listeners, transports and outboxes; never what bytes mean."""
