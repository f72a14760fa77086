"""Showing results: text, pictures, pages."""
