"""Pretraining of the mini checkpoint by recurring span selection (Splinter, section 3)."""
