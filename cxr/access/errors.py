"""What keeps a server from being started, where it would let in whom it should not."""

from __future__ import annotations

from ..errors import CxrError

__all__ = ["AccessError"]


class AccessError(CxrError, RuntimeError):
    """The server must not start like this; the message is for people, and quotes no secret."""

    code = "access"
