"""Methods of masto.js that its long life does not call, each with the reason."""

# The administrators' part: tier 4 of the endpoints, which is not here.
EXCUSED_PREFIX = "rest.v1.admin."

_REASONS = {
    "its endpoint is not in Mastodon any more, and not here": """
        rest.v1.search.list rest.v1.statuses.$select.card.fetch rest.v1.timelines.direct.list
    """,
    "needs a translator, which instances of a test have not": "rest.v1.statuses.$select.translate",
    "needs a link that is trending": "rest.v1.timelines.link.list",
    "needs an open registration and a mailbox (tests/mastodon does it)": "rest.v1.accounts.create",
    "called, and refused to who is confirmed, as it should be": """
        rest.v1.emails.confirmations.create
    """,
    "needs a year that has passed (tests/mastodon does it)": """
        rest.v1.annualReports.$select.fetch rest.v1.annualReports.$select.generate
        rest.v1.annualReports.$select.read
    """,
}
EXCUSED = {name: reason for reason, names in _REASONS.items() for name in names.split()}
