"""The compute commons at work: requests of computing, sites allotted to them, the policy that a community voted."""
