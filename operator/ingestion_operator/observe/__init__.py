"""Everything that the operator looks up before a decision, and the refusals that follow from it.

The room reads through the ports and changes nothing. Its result is `Observed`: a blueprint, or the problem that prevents one.
"""
