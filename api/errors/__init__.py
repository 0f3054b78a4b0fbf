"""Problems (RFC 9457): their codes, and the handlers that turn exceptions into them."""
