"""Human override: a vote of the gravest tier releases the result of a run that the rules rejected, marked for ever."""
