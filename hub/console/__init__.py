"""The site manager's page: what goes on at the gates, and the keys to act on it."""
