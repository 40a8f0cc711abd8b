"""What other programs ask over plain HTTP: the server API, and channels as Server-Sent Events."""
