//! The little that an address in the configuration must be: a scheme, a host, perhaps a port and
//! a path. Whether anybody answers there is found out by calling, never here.

/// The address without a slash at its end.
pub(super) fn clean(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Err("an address begins with https:// or http://".to_owned());
    };
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err("an address has no blanks".to_owned());
    }
    if text.contains(['?', '#']) {
        return Err("an address here has no `?` and no `#`".to_owned());
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Err("an address here carries no user and no password".to_owned());
    }
    // The port is what follows the last colon, unless that colon belongs to an IPv6 host.
    let after_host = authority.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match authority[after_host..].rfind(':') {
        Some(at) => {
            let at = after_host + at;
            (&authority[..at], Some(&authority[at + 1..]))
        }
        None => (authority, None),
    };
    if host.is_empty() || (host.contains(':') && !host.starts_with('[')) {
        return Err("the address has no host".to_owned());
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err("the port of the address is not a number up to 65535".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_last_slash_and_nothing_else() {
        for (given, kept) in [
            ("https://api.example.com", "https://api.example.com"),
            ("http://127.0.0.1:9001/", "http://127.0.0.1:9001"),
            (
                "https://hooks.example.com/a/b/",
                "https://hooks.example.com/a/b",
            ),
            ("http://[::1]:9001", "http://[::1]:9001"),
            ("http://[::1]", "http://[::1]"),
        ] {
            assert_eq!(clean(given).as_deref(), Ok(kept));
        }
    }

    #[test]
    fn what_is_no_address_is_told_why() {
        for (given, why) in [
            ("api.example.com", "begins with"),
            ("ftp://api.example.com", "begins with"),
            ("https://", "no host"),
            ("https:///path", "no host"),
            ("https://:80", "no host"),
            ("https://host:99999", "port"),
            ("https://a b", "blanks"),
            ("https://user:word@host", "no user"),
            ("https://host/?q=1", "no `?`"),
        ] {
            let said = clean(given).unwrap_err();
            assert!(said.contains(why), "{given}: {said}");
        }
    }
}
