"""What a killed process had taken for itself is free again at once, where no other process runs."""

from storage.query import Command

# A claimed item has no reason yet; one that waits for its next try has.
FREE_CLAIMS = Command(
    """
    UPDATE inbox_items SET next_try_at = $1
    WHERE outcome IS NULL AND next_try_at > $1 AND attempts > 0 AND reason IS NULL
    """
)
FREE_LEASES = Command("UPDATE hosts SET leased_until = NULL WHERE leased_until IS NOT NULL")
FREE_MEDIA = Command(
    """
    UPDATE media_attachments SET claimed_until = NULL
    WHERE state = 'waiting' AND claimed_until IS NOT NULL
    """
)
