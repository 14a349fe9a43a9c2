"""Where the engine's state is kept, how its files are laid out, and how it moves to another backend.

The room knows the `StateStore` port and the layout that the Pulumi CLI uses. It does not know any library or pipeline.
"""
