"""Commands. Each imports what it needs when it runs, so that ``repro --help`` answers at once."""
