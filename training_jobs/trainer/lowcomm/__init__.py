"""Training over slow links, as plain torch: compress, exchange by files, average robustly, take the outer step.

No network and no knowledge of the platform: `training_jobs.exchange` moves the files.
"""
