"""From a spec to all resources of a pipeline in AWS, as values and without any call."""
