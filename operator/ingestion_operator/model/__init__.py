"""The API as frozen values.

The CRDs, the reference pages and every parser of an object are derived from these models.
"""
