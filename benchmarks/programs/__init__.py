"""The programs that ``benchmarks.peers`` compares: ours, and what a user of each model library would write."""
