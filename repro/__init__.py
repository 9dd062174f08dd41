"""Re-verify a Paddle reproduction of Splinter (ACL 2021), number by number."""

__version__ = "0.1.0"
