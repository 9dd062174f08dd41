"""What each deviation of the published programs is worth: in F1, in answers, in the curve of the loss."""
