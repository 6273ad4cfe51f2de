"""PostgreSQL and media blobs. Knows neither HTTP nor ActivityPub documents."""
