"""The languages in which somebody wants to read an account that they follow."""


def in_other_language(follow: str, status: str) -> str:
    """SQL: the status (an alias of statuses) is in none of the languages that the follow (an alias
    of follows) names. Boosts, and posts of which no language is known, are never."""
    return (
        f"coalesce({status}.reblog_of_id IS NULL AND cardinality({follow}.languages) > 0 "
        f"AND {status}.language <> ALL({follow}.languages), false)"
    )
