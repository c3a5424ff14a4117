"""Citewell: ask questions of your own documents and check every answer against its source."""

__version__ = "0.1.0"
