"""Who computes what, where and when: pure rules on values. Times are UNIX seconds, all amounts are integers."""
