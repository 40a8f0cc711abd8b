"""What to do when something that we depend on fails: when to try again, and when not to try at all."""
