"""The groups of resources that a pipeline is made of: each a function from a draft to resources."""
