"""The trial of a dataset: a model trained with it and one without, compared. Evidence before a vote, never a result."""
