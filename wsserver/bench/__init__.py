"""The load tester: a second user of the reactor, the transport and the codec, from the other side of the wire."""
