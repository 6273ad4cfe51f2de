"""Everything that is public here as files, which any web host can serve under the old domain."""

from fedserver.survival.static_export.exporting import Done, Pages, export

__all__ = ["Done", "Pages", "export"]
