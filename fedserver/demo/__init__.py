"""`fedserver demo`: two instances on loopback whose people talk, so that one can watch and join."""

from fedserver.demo.show import show

__all__ = ["show"]
