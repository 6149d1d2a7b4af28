"""The auditor's own errors.

EventrailError
└── LedgerFault    a table is missing, or the auditor's rights do not suffice: wait and say so
"""

from eventrail.errors import EventrailError


class LedgerFault(EventrailError):
    """A person must mend it, and then the auditor goes on by itself."""
