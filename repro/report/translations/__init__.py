"""Phrases in Chinese, and the words of the Chinese document in English."""
