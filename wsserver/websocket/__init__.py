"""RFC 6455 without I/O: bytes in, messages out; no socket, no clock."""
