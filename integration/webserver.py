# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# A server inside of the test for checks by HTTP and TLS: what it does with a
# connection is a function of the test.  And certificates for it, good and bad.

import contextlib
import datetime
import socket
import ssl
import threading


def respond(status="200 OK", body=b"hello", headers=()):
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(head) + "\r\n\r\n").encode() + body


class WebServer:
    """serve(connection, request) for each; request is up to its empty line,
    or, with ask=False, nothing has been read."""

    def __init__(self, port, serve, tls=None, ask=True, handshake=True,
                 host="127.0.0.1"):
        self.port, self.serve, self.tls = port, serve, tls
        self.ask, self.handshake = ask, handshake
        self.requests = []
        self.names = []     # that clients asked for by SNI
        self.count = 0
        self.open = set()
        self.ended = False
        if tls is not None:
            tls.sni_callback = lambda _s, name, _c: self.names.append(name)
        self.sock = socket.socket(
            socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((host, port))
        self.sock.listen(256)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                conn, _ = self.sock.accept()
                self.count += 1
                self.open.add(conn)
                threading.Thread(target=self._one, args=(conn,),
                                 daemon=True).start()

    def _one(self, conn):
        raw = conn
        with contextlib.suppress(OSError, ValueError):
            if self.tls is not None and self.handshake:
                conn = self.tls.wrap_socket(conn, server_side=True)
            request = b""
            while self.ask and b"\r\n\r\n" not in request:
                data = conn.recv(4096)
                if not data:
                    break
                request += data
            self.requests.append(request.decode("latin-1"))
            self.serve(conn, self.requests[-1])
        with contextlib.suppress(OSError):
            conn.close()
        self.open.discard(raw)

    def close(self):
        self.ended = True
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        for conn in list(self.open):
            with contextlib.suppress(OSError):
                conn.shutdown(socket.SHUT_RDWR)


class Authority:
    """An authority of our own, and the certificates that it signs."""

    def __init__(self, directory):
        from cryptography.hazmat.primitives.asymmetric import ec
        self.dir = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.cert = self._make("authority", self.key.public_key(), None, -1,
                               1000, None)
        self.file = f"{directory}/ca.pem"
        self._write(self.file, self.cert)

    def _make(self, name, public, issuer, first, last, names):
        import ipaddress
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import NameOID
        now = datetime.datetime.utcnow()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        b = (x509.CertificateBuilder().subject_name(subject)
             .issuer_name(issuer.subject if issuer else subject)
             .public_key(public).serial_number(x509.random_serial_number())
             .not_valid_before(now + datetime.timedelta(days=first))
             .not_valid_after(now + datetime.timedelta(days=last))
             .add_extension(x509.BasicConstraints(issuer is None, None),
                            True))
        if names:
            b = b.add_extension(x509.SubjectAlternativeName([
                x509.IPAddress(ipaddress.ip_address(n))
                if n[0].isdigit() or ":" in n else x509.DNSName(n)
                for n in names]), False)
        return b.sign(self.signer or self.key, hashes.SHA256())

    signer = None

    @staticmethod
    def _write(path, cert, key=None):
        from cryptography.hazmat.primitives import serialization as s
        with open(path, "wb") as f:
            f.write(cert.public_bytes(s.Encoding.PEM))
            if key is not None:
                f.write(key.private_bytes(
                    s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))

    def context(self, names=("localhost", "127.0.0.1"), first=-1, last=90,
                self_signed=False):
        """A server's TLS, valid from day first to day last of now."""
        return self.load(self.pem(names, first, last, self_signed))

    @staticmethod
    def load(path):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(path)
        return c

    def pem(self, names=("localhost", "127.0.0.1"), first=-1, last=90,
            self_signed=False, name="server.pem"):
        from cryptography.hazmat.primitives.asymmetric import ec
        key = ec.generate_private_key(ec.SECP256R1())
        self.signer = key if self_signed else self.key
        cert = self._make("server", key.public_key(),
                          None if self_signed else self.cert, first, last,
                          names)
        path = f"{self.dir}/{name}"
        self._write(path, cert, key)
        return path
