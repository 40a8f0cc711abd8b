"""HTTP/1.1 without I/O: bytes in, values out; no socket, no clock."""
