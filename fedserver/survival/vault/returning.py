"""The order in which a restored instance comes back: what peers need first, then people.

`returns` in the database says how far it is, so any number of processes go the same way. Mastodon
gives a host up after seven days of failures and forgives at the first signed request; so peers come
first. Then those who have a session; passwords and newcomers last, when the others are served.
"""

from typing import Final

FIRST_STAGE: Final = "identities"
