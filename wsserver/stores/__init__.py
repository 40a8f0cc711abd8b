"""The log of messages: gives every message its seq."""
