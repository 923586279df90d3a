"""What detectors read: tallies of batches, the live window, the rolling day, the record that stays, the baseline. Pure."""
