"""The adapters: each implements one port with one library, and is the only room that imports the library.

An adapter translates the library's exceptions into `PipelineError`s. It knows the ports and the values that cross them, the
layout of the state, and no decision; no adapter knows another.
"""
