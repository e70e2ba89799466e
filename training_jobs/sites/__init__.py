"""Sites of the compute commons: places with compute that several communities may share."""
