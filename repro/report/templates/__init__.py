"""The content of the report, as Jinja2 templates: one for every format, and one frame for each."""
