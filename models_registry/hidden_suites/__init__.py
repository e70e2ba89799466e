"""Hidden suites: committed by digest before a vote, opened once the model that they measure is fixed."""
