"""What the whole instance is in the midst of.

While a restore is incomplete, our lists are shorter than they were: nothing that compares them
with a peer's may be sent, answered or believed, or follows would end that nobody ended. Whoever
restores a backup calls BEGIN_RESTORE before the first row and END_RESTORE after the last.
"""

from storage.query import Command, Value

# While the instance moves to another domain, its followers are on their way.
LISTS_INCOMPLETE = """(
    EXISTS (SELECT 1 FROM conditions WHERE name = 'restore_incomplete')
    OR EXISTS (SELECT 1 FROM evacuations WHERE state IN ('switched', 'sending')))"""
RESTORE_INCOMPLETE = Value(f"SELECT {LISTS_INCOMPLETE}", bool)
# $1 now.
BEGIN_RESTORE = Command(
    """
    INSERT INTO conditions (name, since) VALUES ('restore_incomplete', $1) ON CONFLICT DO NOTHING
    """
)
END_RESTORE = Command("DELETE FROM conditions WHERE name = 'restore_incomplete'")
