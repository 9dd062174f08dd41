"""The static text of the report, as Jinja2 templates."""
