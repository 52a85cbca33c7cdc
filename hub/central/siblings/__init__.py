"""Hubs of our other sites: what this one tells them, and what it hears of them."""
