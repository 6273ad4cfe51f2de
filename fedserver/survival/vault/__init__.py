"""The vault: sealed copies of the whole instance, elsewhere, seconds behind.

`docs/survival.md` tells admins how to use it, `docs/decisions/0026-vault.md` why it is as it is.
"""
