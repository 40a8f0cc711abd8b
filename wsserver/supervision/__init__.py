"""What the supervisor is made of: its workers as it sees them, and how they talk to each other."""
