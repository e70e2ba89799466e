"""The trainer: a child process that reads a folder (specification, base, datasets) and leaves a model in it.

Torch lives here and in `training_jobs.evaluation` only. No Django, no database, no network: what starts it is
`training_jobs.runner`, and an outsider can start the same command on the same files.
"""
