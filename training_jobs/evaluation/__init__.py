"""The evaluation: a child process that measures a candidate and its parent on a suite, and judges nothing.

Torch is needed to answer the suite's questions (`answering`), not to compute a metric from the answers (`metrics`), so
pages and forms may read the table of metrics. Whether a value is good enough is decided by `models_registry.gates`.
"""
