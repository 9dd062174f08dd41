"""Reproductions of ten habits: what authors compare, how they name, store, compare, log and document it."""
