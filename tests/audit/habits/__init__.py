"""Reproductions of a dozen habits: what authors compare, how they name, store, compare, log and document it."""
