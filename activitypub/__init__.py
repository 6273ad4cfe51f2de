"""The fediverse protocol without any I/O: messages in, values out; usable by itself."""
