"""Reading MRQA files, features, batches, span candidates and the SQuAD metric. No framework."""
