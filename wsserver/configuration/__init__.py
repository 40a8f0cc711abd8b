"""What can be set: kinds of values, the settings with their reasons, where they come from, and how they are written."""
