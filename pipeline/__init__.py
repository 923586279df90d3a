"""The flow: decode, fold, merge, judge, group. Pure: no I/O, no clock, no randomness."""
