"""The API as frozen values: the one source of truth for the CRD, the reference and every parse of an object."""
