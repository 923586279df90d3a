"""The stream: decode, fold, judge, learn, evaluate. Pure: no I/O, no clock, no randomness."""
