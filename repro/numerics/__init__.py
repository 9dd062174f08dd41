"""Differences between arrays, what they mean, and float64 oracles. numpy only."""
