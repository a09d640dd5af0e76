"""What the gate of this process asks for, for the pages to know."""

from __future__ import annotations

from ui.entrance.tickets import Tickets

# None where no token is asked for, and where pages run without a server, as in tests.
TICKETS: Tickets | None = None
