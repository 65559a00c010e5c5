"""What a reader is known by in the log of readings: a keyed hash, which nobody turns back."""

from __future__ import annotations

import hmac
import json

__all__ = ["pseudonym"]


def pseudonym(key: bytes, issuer: str, subject: str) -> str:
    """Return 32 hexadecimal digits that are the same for the same person under the same key.

    Without the key nobody can try out whether a pseudonym is somebody's.

    Parameters
    ----------
    key : bytes
        Kept apart from the log; another one gives everybody another pseudonym.
    issuer, subject : str
        The claims ``iss`` and ``sub``, which together name one person for good.
    """
    said = json.dumps([issuer, subject]).encode()  # so that no two pairs read alike
    return hmac.new(key, said, "sha256").hexdigest()[:32]
