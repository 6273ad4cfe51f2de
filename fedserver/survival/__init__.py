"""What keeps the network when a host, a domain or an operator is lost."""
