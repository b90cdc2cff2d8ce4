//! What a range API answers: the rest of each digest with this prefix, and how often it was seen.

use crate::leaked::import::{digit, number};

/// Hexadecimal digits of a line: those of SHA-1 without the prefix.
const DIGITS: usize = 35;

/// Why an answer is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRange {
    /// HTML, JSON, NT hashes, whole hashes …
    #[error("a line is not 35 hexadecimal digits and a count")]
    Malformed,
    /// Every prefix has hundreds of leaked passwords, and we ask for padding.
    #[error("the answer holds no line")]
    Empty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct RangeLine {
    /// The 64 bits behind the prefix.
    suffix: u64,
    count: u32,
}

/// One range, without padding.
#[derive(PartialEq, Eq)]
pub(crate) struct Range(Box<[RangeLine]>);

impl std::fmt::Debug for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Range({} lines)", self.0.len())
    }
}

impl Range {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, BadRange> {
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        let (mut lines, mut seen) = (Vec::new(), false);
        for text in body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|text| !text.is_empty()) {
            seen = true;
            let line = line(text).ok_or(BadRange::Malformed)?;
            if line.count > 0 {
                lines.push(line); // 0 is padding
            }
        }
        if !seen {
            return Err(BadRange::Empty);
        }
        lines.sort_unstable();
        Ok(Self(lines.into()))
    }

    /// How often the digest whose prefix was asked for goes on like this.
    pub(crate) fn find(&self, suffix: u64) -> Option<u64> {
        let behind = self.0.partition_point(|line| line.suffix <= suffix);
        self.0[..behind].last().filter(|line| line.suffix == suffix).map(|line| line.count.into())
    }

    /// Digests that it holds.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

fn line(text: &[u8]) -> Option<RangeLine> {
    let (hex, rest) = text.split_at_checked(DIGITS)?;
    let mut digits = hex.iter().map(|byte| digit(*byte));
    let suffix = digits.by_ref().take(16).try_fold(0, |value, digit| Some(value << 4 | u64::from(digit?)))?;
    if digits.any(|digit| digit.is_none()) {
        return None;
    }
    let count = number(rest.strip_prefix(b":")?.trim_ascii())?;
    Some(RangeLine { suffix, count: u32::try_from(count).unwrap_or(u32::MAX) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUFFIX: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
    const KEY: u64 = 0x1E4C_9B93_F3F0_6822;

    #[test]
    fn the_lines_of_an_answer_are_found_by_their_suffix() {
        let text =
            format!("\u{feff}{SUFFIX}:9659365\r\n003D68EB55068C33ACE09247EE4C639306B:3\r\nFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF:0\r\n");
        let range = Range::parse(text.as_bytes()).expect("a range");
        assert_eq!((range.find(KEY), range.len()), (Some(9_659_365), 2));
        assert_eq!((range.find(KEY + 1), range.find(u64::MAX), range.find(0)), (None, None, None));
        let lower = Range::parse(format!("{}:99999999999\n", SUFFIX.to_lowercase()).as_bytes()).expect("a range");
        assert_eq!(lower.find(KEY), Some(u32::MAX.into()));
    }

    #[test]
    fn only_padding_is_an_answer_and_nothing_is_none() {
        let padding = Range::parse(format!("{SUFFIX}:0\n").as_bytes()).expect("a range");
        assert_eq!((padding.find(KEY), padding.len()), (None, 0));
        for text in ["", "\r\n", "\u{feff} \n"] {
            assert_eq!(Range::parse(text.as_bytes()), Err(BadRange::Empty), "{text:?}");
        }
    }

    #[test]
    fn anything_else_is_not_believed() {
        for text in [
            "<html><body>Log in</body></html>",
            "{\"count\": 3}",
            SUFFIX,
            &format!("{SUFFIX}:"),
            &format!("{SUFFIX}:-3"),
            &format!("{SUFFIX}: 3 4"),
            &format!("{SUFFIX}0:3"),
            &format!("5BAA6{SUFFIX}:3"),
            &format!("{}:3", &SUFFIX[..27]),
            &format!("{SUFFIX}:3\nrate limit exceeded"),
        ] {
            assert_eq!(Range::parse(text.as_bytes()), Err(BadRange::Malformed), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_nothing_panics(body: Vec<u8>, text in "[0-9A-F]{34,36}:[0-9]{0,20}\n") {
            let _ = Range::parse(&body);
            if let Ok(range) = Range::parse(text.as_bytes()) {
                proptest::prop_assert!(range.len() <= 1);
            }
        }
    }
}
