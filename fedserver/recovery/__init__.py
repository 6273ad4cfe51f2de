"""Recovery keys: 24 words on paper that outlive a server, and what is made with them.

The same kind of key serves an instance (it opens the vault and signs who its successor is) and a
person (it opens their kit and speaks for their identity). Nothing here does any input or output.
"""
