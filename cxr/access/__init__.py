"""Who gets in: settings of the sign-in, roles and what they may open, sign-ins that are under way.

Without sign-in there is one reader, of all roles, on this machine alone.
"""

from .errors import AccessError
from .pseudonyms import pseudonym
from .roles import LOCAL, Act, Reader, Role, may, may_open, role_of
from .server import Access, is_guarded, running, start
from .sessions import Sessions, SignedIn
from .settings import (
    Settings,
    answers_others,
    check_address,
    is_of_this_machine,
    read_settings,
)

__all__ = [
    "LOCAL",
    "Access",
    "AccessError",
    "Act",
    "Reader",
    "Role",
    "Sessions",
    "Settings",
    "SignedIn",
    "answers_others",
    "check_address",
    "is_guarded",
    "is_of_this_machine",
    "may",
    "may_open",
    "pseudonym",
    "read_settings",
    "role_of",
    "running",
    "start",
]
