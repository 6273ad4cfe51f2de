"""What Mastodon's web client keeps of itself for each person."""

from storage.query import Command

# $1 whose, $2 the settings, $3 now.
PUT_WEB_SETTINGS = Command(
    """
    INSERT INTO web_settings (account_id, data, changed_at) VALUES ($1, $2, $3)
    ON CONFLICT (account_id) DO UPDATE SET data = excluded.data, changed_at = excluded.changed_at
    """
)
