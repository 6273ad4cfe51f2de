"""The domain is lost: every account goes on under a new one, and its followers come along."""
