"""TLS as the file of --web.config.file says; a renewed certificate is read at the next start."""

import ssl

from alert_router.config import ConfigError, Problem
from alert_router.config.web_config import REQUIRED, TLS_VERSIONS, Tls


def context(tls: Tls) -> ssl.SSLContext:
    """Raises ConfigError."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = TLS_VERSIONS[tls.min_version]
    try:
        made.load_cert_chain(tls.cert_file, tls.key_file)
        if tls.client_ca_file is not None:
            made.load_verify_locations(tls.client_ca_file)
    except OSError as error:  # also what OpenSSL says of a file's content
        files = f"{tls.cert_file}, {tls.key_file}"
        raise ConfigError([Problem(files, 0, 0, f"cannot be used: {error.strerror or error}")]) from None
    if tls.client_auth_type == REQUIRED:
        made.verify_mode = ssl.CERT_REQUIRED
    return made
