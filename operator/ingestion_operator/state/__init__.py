"""Where the engine's state is kept, and how it moves."""
