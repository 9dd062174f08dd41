"""The eleven steps: what each captures, how it compares, which claims it answers. No framework is imported here."""
