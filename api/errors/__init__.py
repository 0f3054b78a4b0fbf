"""Problems (RFC 9457): their codes, and how exceptions become them."""
