"""From what happened to the new status, as pure functions of values."""
