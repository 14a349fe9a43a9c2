"""The groups of resources that a pipeline is made of: each is a function from a draft to resources.

A part knows the values that a draft holds, and the policies. It does not know the other parts' resources, except by reference.
"""
