"""The running server: the only room that imports both `activitypub` and `storage`."""

__version__ = "0.1.0"
