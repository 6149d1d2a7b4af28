"""TLS in front of a session, which goes on to see a plain socket.

The watch peeks into a client's socket while a statement runs, and a TLS socket cannot be peeked into. So one thread
for each client carries bytes between the TLS socket and one end of a pair, and the session has the other end.
"""

from __future__ import annotations

import logging
import select
import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path

from devstack.clickhouse.errors import StartError

log = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 16


def server_context(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """How to speak TLS; None without a certificate. Raises StartError."""
    if cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except OSError as error:
        raise StartError(f"no certificate and key in PEM form in {cert} and {key}: {error}") from error
    return context


def plain_side(client: socket.socket, context: ssl.SSLContext, patience: float) -> socket.socket | None:
    """Agree on TLS with the client within `patience` seconds; the socket that a session may use for it.

    None for a client that does not agree; it is closed. Closing either side closes the other.
    """
    try:
        client.settimeout(patience)
        wrapped = context.wrap_socket(client, server_side=True)
        wrapped.settimeout(None)
    except (ssl.SSLError, OSError) as error:
        log.warning("a client could not agree on TLS and was dropped: %s", error)
        client.close()
        return None
    ours, theirs = socket.socketpair()
    threading.Thread(target=_carry, args=(wrapped, theirs), name="tls", daemon=True).start()
    return ours


def _carry(client: ssl.SSLSocket, session: socket.socket) -> None:
    # One thread for both directions: two may not use one TLS connection at the same time.
    with client, session, suppress(OSError):
        while True:
            ready = [client] if client.pending() else select.select([client, session], [], [])[0]
            for source in ready:
                chunk = source.recv(_CHUNK_BYTES)
                if not chunk:
                    return
                (session if source is client else client).sendall(chunk)
