"""What the edges and the effects share: text, fetching, resolving, delivering."""
