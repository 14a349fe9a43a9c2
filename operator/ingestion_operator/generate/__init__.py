"""Everything that is generated from the models: the CRDs, the reference pages and parts of the chart."""
