"""Macros and frame of a page, as Jinja2 templates, with its style and script."""
