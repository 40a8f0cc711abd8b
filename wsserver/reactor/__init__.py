"""WHEN: file descriptors, clocks and threads; never what bytes mean."""
