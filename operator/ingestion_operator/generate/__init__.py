"""Generates the files that follow from the models: CRDs, reference pages, and parts of the Helm chart.

The room runs when the project is built, never in the operator. It may know the models, the settings and the metrics.
"""
