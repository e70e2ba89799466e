"""One file per measured claim. Each prints a table and compares with what was promised; `make benchmarks` runs all."""
