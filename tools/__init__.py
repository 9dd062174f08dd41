"""Tools of the maintainers; the package does not import them."""
