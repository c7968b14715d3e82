//! What the codes of failures say, in one line each: the headings of the pages in `docs/errors`.

/// Code and title.
pub(crate) const TITLES: &[(&str, &str)] = &[
    ("ACCOUNT-001", "This belongs to another account"),
    ("AUTH-001", "The credentials were refused"),
    (
        "AUTH-002",
        "The access ran out and cannot be renewed by itself",
    ),
    ("AUTH-003", "A permission is missing"),
    ("AUTH-004", "Somebody must agree at the vendor"),
    ("AUTH-005", "Another program uses the same credentials"),
    ("AUTH-006", "The consent ends soon"),
    ("CALL-400", "The vendor could not read the request"),
    ("CALL-404", "What the request is about is not there"),
    ("CALL-409", "The record is in a state that forbids this"),
    ("CALL-410", "Gone for good"),
    ("CALL-422", "A rule of the vendor forbids this"),
    ("CALL-429", "The vendor asks us to slow down"),
    ("CALL-4xx", "The vendor refused this request"),
    (
        "CALL-5xx",
        "The vendor is broken, and our retries are used up",
    ),
    ("CONFIG-001", "The configuration has a mistake"),
    ("DATA-001", "A value that the flow needs is missing"),
    ("DB-001", "The database is full or gone"),
    ("DRIFT-001", "The vendor changed a field"),
    ("EXPR-001", "An expression could not be evaluated"),
    ("FLOW-001", "A flow file is not valid"),
    ("GUARD-001", "Held back by a guard"),
    (
        "HOOK-001",
        "Webhooks at the vendor are not as they should be",
    ),
    ("IN-001", "Signatures do not match, again and again"),
    ("IN-002", "Signed, but not readable"),
    ("IN-003", "The body is too large"),
    ("IN-004", "A one-time token came twice"),
    ("LATE-001", "No longer worth sending"),
    ("LOOP-001", "A flow that keeps setting itself off"),
    (
        "MATCH-001",
        "A signal that fits no application, or more than one",
    ),
    ("NET-001", "No connection to the vendor"),
    ("NET-002", "The vendor took too long"),
    ("ORDER-001", "Stepped aside so that others could go"),
    ("POISON-001", "Set aside because it stopped the work twice"),
    ("RESTORE-001", "Looked at one by one after a restore"),
    (
        "RESTORE-002",
        "Learned after a restore, and certainly not sent",
    ),
    ("SCAN-001", "A list ended too early"),
    ("SCAN-002", "Many records are missing at once"),
    ("SELF-001", "This server is not as it should be"),
    ("STREAM-001", "A list that never gave a row"),
    ("SYNC-001", "The vendor wants a list read anew"),
    ("SUB-001", "A subscription ended by itself"),
    ("UNSURE-001", "It may have happened, and we cannot tell"),
];

/// The title of a code; a vendor's answer without its own page has that of its kind.
pub(crate) fn title(code: &str) -> &'static str {
    let find = |code: &str| TITLES.iter().find(|(c, _)| *c == code).map(|(_, t)| *t);
    let kind = || match code.strip_prefix("CALL-").map(str::as_bytes) {
        Some([b'4', ..]) => find("CALL-4xx"),
        Some([b'5', ..]) => find("CALL-5xx"),
        _ => None,
    };
    find(code).or_else(kind).unwrap_or("Something went wrong")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_the_headings_of_their_pages() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors");
        for entry in std::fs::read_dir(folder).expect("the folder of pages") {
            let path = entry.expect("a page").path();
            let text = std::fs::read_to_string(&path).expect("readable");
            let heading = text.lines().next().unwrap_or_default();
            if let Some((code, title)) = heading
                .strip_prefix("# ")
                .and_then(|h| h.split_once(": "))
                .filter(|(c, _)| !c.starts_with("API-"))
            {
                assert!(TITLES.contains(&(code, title)), "{code}: {title}");
            }
        }
        assert_eq!(title("CALL-451"), "The vendor refused this request");
    }
}
