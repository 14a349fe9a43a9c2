"""Everything that the operator looks up before a decision, and what it refuses because of it.

The room reads through the ports and changes nothing. Its result is `Observed`: a blueprint, or the problem that prevents one.
"""
