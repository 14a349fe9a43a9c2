"""The parts of the strict layer that know nothing of MiniStack: which policies let an event in, and how a process ends."""
