"""Policies for retrain streams that others use or published, none of them shown more than a policy may see.

`plain` has those that look at nothing, `detectors` the drift detectors, `cara` and `learned` two published algorithms,
`trees` decision trees on the same telemetry. What may be tuned is tuned by `fits`, on published streams of other
families, or on the first third of the stream itself.
"""
