//! What the head of a server's answer means for a download.

/// The head of an answer, as far as it matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Length of this answer's body.
    pub(super) length: Option<u64>,
    /// `Content-Range`.
    pub(super) range: Option<String>,
    /// `ETag`.
    pub(super) etag: Option<String>,
    /// `Content-Encoding`.
    pub(super) encoding: Option<String>,
}

/// What to do with the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// It goes on where the file ends.
    Append {
        /// Length that the file will have.
        total: u64,
    },
    /// It is the whole file.
    Restart {
        /// Length that the file will have.
        total: u64,
    },
    /// It is of no use; ask for the whole file.
    Anew,
}

/// Decides by the head. `have` bytes are there of a file that the server called `tag`; `expected` is the catalogue's word
/// for the length of the whole.
///
/// # Errors
/// Why the server is of no use.
pub(super) fn plan(head: &Head, have: u64, tag: Option<&str>, expected: Option<u64>) -> Result<Plan, String> {
    if let Some(encoding) = head.encoding.as_deref().filter(|&name| name != "identity") {
        return Err(format!("it sends the file encoded ({})", encoding.escape_debug()));
    }
    let same = tag.is_none_or(|tag| head.etag.as_deref().is_none_or(|etag| etag == tag));
    match head.status {
        200 => Ok(Plan::Restart { total: agree(head.length, expected)? }),
        206 if have > 0 => match head.range.as_deref().and_then(parse_range) {
            Some((first, last, total)) if same && first == have && fits(first, last, total, head.length) => {
                Ok(Plan::Append { total: agree(total, expected)? })
            }
            _ => Ok(Plan::Anew),
        },
        206 => Err("it sends a part of the file where the whole was asked for".to_owned()),
        416 if have > 0 => Ok(Plan::Anew),
        status => Err(format!("it answers with HTTP status {status}")),
    }
}

/// The length of the file, by whoever knows it.
fn agree(found: Option<u64>, expected: Option<u64>) -> Result<u64, String> {
    match (found, expected) {
        (Some(found), Some(expected)) if found != expected => {
            Err(format!("its file has {found} bytes, expected {expected}"))
        }
        // Otherwise a file that was cut off would look like a whole one.
        (found, expected) => found.or(expected).ok_or_else(|| "it does not say how long the file is".to_owned()),
    }
}

/// `bytes FIRST-LAST/TOTAL`, where the total may be `*`.
fn parse_range(range: &str) -> Option<(u64, u64, Option<u64>)> {
    let (bounds, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = bounds.split_once('-')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    Some((first.parse().ok()?, last.parse().ok()?, total))
}

/// Whether a range reaches to the end of the file and the body is as long as it.
fn fits(first: u64, last: u64, total: Option<u64>, length: Option<u64>) -> bool {
    let range = last.checked_sub(first).and_then(|n| n.checked_add(1));
    range.is_some_and(|range| length.is_none_or(|length| length == range))
        && total.is_none_or(|total| Some(total) == last.checked_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, range: &str, length: Option<u64>) -> Head {
        Head { status, length, range: Some(range.to_owned()), ..Head::default() }
    }

    #[test]
    fn a_whole_file_starts_again() {
        let whole = Head { status: 200, length: Some(10), ..Head::default() };
        assert_eq!(plan(&whole, 0, None, None), Ok(Plan::Restart { total: 10 }));
        assert_eq!(plan(&whole, 4, None, Some(10)), Ok(Plan::Restart { total: 10 }));
        assert_eq!(plan(&whole, 0, None, Some(9)).unwrap_err(), "its file has 10 bytes, expected 9");
        let endless = Head { status: 200, ..Head::default() };
        assert_eq!(plan(&endless, 0, None, Some(9)), Ok(Plan::Restart { total: 9 }));
        assert!(plan(&endless, 0, None, None).unwrap_err().contains("how long"));
    }

    #[test]
    fn only_the_missing_bytes_are_appended() {
        let good = |range, length| plan(&head(206, range, length), 4, None, None);
        assert_eq!(good("bytes 4-9/10", Some(6)), Ok(Plan::Append { total: 10 }));
        assert_eq!(good("bytes 4-9/10", None), Ok(Plan::Append { total: 10 }));
        assert_eq!(plan(&head(206, "bytes 4-9/*", None), 4, None, Some(10)), Ok(Plan::Append { total: 10 }));
        assert!(good("bytes 4-9/*", Some(6)).unwrap_err().contains("how long"));
        for bad in [
            "bytes 3-9/10",
            "bytes 5-9/10",
            "bytes 4-8/10",
            "bytes 4-3/4",
            "bytes 4-18446744073709551615/10",
            "bytes */10",
            "4-9/10",
            "bytes 4-9",
            "",
        ] {
            assert_eq!(good(bad, None), Ok(Plan::Anew), "{bad}");
        }
        assert_eq!(good("bytes 4-9/10", Some(5)), Ok(Plan::Anew));
        assert!(plan(&head(206, "bytes 0-9/10", None), 0, None, None).unwrap_err().contains("a part"));
        let tagged = Head { etag: Some("\"1\"".into()), ..head(206, "bytes 4-9/10", None) };
        assert_eq!(plan(&tagged, 4, Some("\"1\""), None), Ok(Plan::Append { total: 10 }));
        assert_eq!(plan(&tagged, 4, Some("\"2\""), None), Ok(Plan::Anew));
    }

    #[test]
    fn other_answers_are_no_file() {
        assert_eq!(plan(&head(416, "bytes */10", None), 4, None, None), Ok(Plan::Anew));
        for status in [204, 304, 403, 404, 416, 500] {
            assert!(plan(&head(status, "", None), 0, None, None).unwrap_err().contains(&status.to_string()));
        }
        let encoded = Head { status: 200, length: Some(1), encoding: Some("gzip\n".into()), ..Head::default() };
        assert!(plan(&encoded, 0, None, None).unwrap_err().contains("gzip\\n"));
    }
}
