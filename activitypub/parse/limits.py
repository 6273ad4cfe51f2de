"""How much of each property is read. What is over is cut, unless it says otherwise here."""

MAX_CONTENT_CHARS = 500_000  # more is an error: cut HTML would say something else
MAX_SUMMARY_CHARS = 65_536
MAX_NAME_CHARS = 2_048
MAX_TOKEN_CHARS = 2_048  # media types, conversation ids and the like; longer ones are dropped
MAX_KEY_CHARS = 16_384  # longer keys are dropped
MAX_BLURHASH_CHARS = 200

MAX_TYPES = 10
MAX_LANGUAGES = 50
MAX_RECIPIENTS = 1_000
MAX_AUTHORS = 20
MAX_CONTEXTS = 20
MAX_LINKS = 50
MAX_RELS = 10
MAX_TAGS_READ = 500
MAX_TAGS = 200
MAX_ATTACHMENTS_READ = 100
MAX_ATTACHMENTS = 32
MAX_FIELDS = 50
MAX_ALIASES = 256
MAX_KEYS = 10
MAX_STATEMENTS = 8
MAX_POLL_OPTIONS = 500
MAX_FEATURED_ITEMS = 150
MAX_ATTRIBUTION_DOMAINS = 256
MAX_PERMITTED = 200  # ids in one list of an interaction policy
MAX_OBJECTS = 200
MAX_ITEMS = 2_000
MAX_UNKNOWN = 200

MAX_NESTED_DOCUMENTS = 4  # Collection > page > Create > Note
MAX_COUNT = 2**53 - 1
MAX_PIXELS = 1_000_000
MAX_DURATION_S = 10_000_000.0
