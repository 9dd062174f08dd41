"""What the two backends share: plumbing that decides no number. Formulas stay in each, so that no mistake is shared."""
