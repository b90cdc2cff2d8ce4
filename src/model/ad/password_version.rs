//! Version of a password, from AD's replication metadata of unicodePwd (MS-ADTS 3.1.1.1.9).
//!
//! Every write increments the version and records the time and the database (invocation ID) of the write. The metadata replicates with the
//! value, so that every controller gives the same answer.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::model::ad::filetime;

/// attributeID of unicodePwd, by the prefix table that every directory has.
const UNICODE_PWD: u32 = 0x0009_005a;
/// Bytes of one attribute in the vector.
const ELEMENT: usize = 48;
/// A write that belongs to an attempt happens within this time, because the attempt is on disk just before it is sent. If the clocks differ
/// by more, the write cannot be proven.
const PROMPT: SignedDuration = SignedDuration::from_secs(1);

/// The metadata of unicodePwd as read at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordVersion {
    /// Number of writes, from 1; 0 if there was none yet.
    pub version: u32,
    /// Time of the last write by the clock of its controller, in whole seconds.
    pub at: Timestamp,
    /// invocationId of the database of the last write.
    pub origin: Uuid,
}

/// The reading before an attempt, kept with the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionBefore {
    /// The version before the write.
    pub version: u32,
    /// invocationId of the controller that is asked to write.
    pub asked: Uuid,
}

/// Comparison of the readings before and after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionComparison {
    /// No write.
    Unchanged,
    /// One write, on the controller that was asked, at the time of the attempt.
    ByThisAttempt,
    /// One write on the controller that was asked, at another time: a late one of ours, or one by another client.
    Unclear,
    /// Several writes, or one on another controller: the last write is not ours.
    ByAnother,
}

impl PasswordVersion {
    /// Reads replPropertyMetaData (MS-DRSR 4.1.10.2.22, PROPERTY_META_DATA_VECTOR, version 1). `None` if malformed.
    pub fn from_ad(bytes: &[u8]) -> Option<Self> {
        let count = usize::try_from(u32_at(bytes, 8)?).ok()?;
        let elements = bytes.get(16..)?;
        if u32_at(bytes, 0)? != 1 || elements.len() != count.checked_mul(ELEMENT)? {
            return None;
        }
        let Some(element) = elements.chunks_exact(ELEMENT).find(|element| u32_at(element, 0) == Some(UNICODE_PWD)) else {
            return Some(Self { version: 0, at: Timestamp::UNIX_EPOCH, origin: Uuid::nil() });
        };
        let seconds = i64::from_le_bytes(element.get(8..16)?.try_into().ok()?);
        Some(Self {
            version: u32_at(element, 4)?,
            at: filetime::point(seconds.checked_mul(10_000_000)?)?,
            origin: Uuid::from_slice_le(element.get(16..32)?).ok()?,
        })
    }

    /// Reads the values of msDS-ReplAttributeMetaData, one for each attribute, as XML (MS-DRSR 4.1.13.1.8, DS_REPL_ATTR_META_DATA). `None`:
    /// there are none, or unicodePwd's is malformed or there twice.
    pub fn from_xml<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut any = false;
        let mut found = None;
        for value in values {
            any = true;
            let text = std::str::from_utf8(value).ok()?;
            if !text.contains("unicodePwd") {
                continue; // most of a hundred
            }
            let text = text.trim_end_matches(['\0', '\r', '\n']).trim();
            let inside = text.strip_prefix("<DS_REPL_ATTR_META_DATA>")?.strip_suffix("</DS_REPL_ATTR_META_DATA>")?;
            if only(inside, "pszAttributeName")? != "unicodePwd" {
                continue;
            }
            let read = Self {
                version: only(inside, "dwVersion")?.parse().ok()?,
                at: only(inside, "ftimeLastOriginatingChange")?.parse().ok()?,
                origin: Uuid::try_parse(only(inside, "uuidLastOriginatingDsaInvocationID")?).ok()?,
            };
            if found.replace(read).is_some() {
                return None;
            }
        }
        found.or(any.then_some(Self { version: 0, at: Timestamp::UNIX_EPOCH, origin: Uuid::nil() }))
    }

    /// Compares this reading with the one before an attempt that began at `begun`. `set`: pwdLastSet, the time of the same write to 100 ns,
    /// if not 0.
    pub fn shows(&self, before: VersionBefore, begun: Timestamp, set: Option<Timestamp>) -> VersionComparison {
        if self.version == before.version {
            return VersionComparison::Unchanged;
        }
        if Some(self.version) != before.version.checked_add(1) || self.origin != before.asked {
            return VersionComparison::ByAnother;
        }
        let at = set.unwrap_or(self.at);
        // The metadata's time is rounded down to whole seconds.
        let earliest = begun - PROMPT - if set.is_none() { SignedDuration::from_secs(1) } else { SignedDuration::ZERO };
        if earliest <= at && at <= begun + PROMPT { VersionComparison::ByThisAttempt } else { VersionComparison::Unclear }
    }
}

impl VersionBefore {
    /// Reads the output of [`std::fmt::Display`].
    pub fn parse(text: &str) -> Option<Self> {
        let (version, asked) = text.strip_prefix("unicodePwd:")?.split_once('@')?;
        Some(Self { version: version.parse().ok()?, asked: Uuid::try_parse(asked).ok()? })
    }
}

impl std::fmt::Display for VersionBefore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "unicodePwd:{}@{}", self.version, self.asked)
    }
}

/// The text of the only element of this name. The format is flat and fixed, so that no XML parser is needed: AD escapes `<` in values.
fn only<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let (_, after) = text.split_once(&open)?;
    let (value, rest) = after.split_once(&close)?;
    (!value.contains(['<', '&']) && !rest.contains(&open)).then(|| value.trim())
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use crate::model::ad::password_version::*;

    const ASKED: Uuid = Uuid::from_u128(0x1f3c_0000_1111_2222_3333_4444_5555_6666);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("a time")
    }

    fn element(attribute: u32, version: u32, seconds: i64) -> Vec<u8> {
        let time = (filetime::ticks(at(seconds)) / 10_000_000).to_le_bytes();
        [&attribute.to_le_bytes()[..], &version.to_le_bytes(), &time, &ASKED.to_bytes_le(), &[7; 16]].concat()
    }

    fn vector(elements: &[Vec<u8>]) -> Vec<u8> {
        let count = u32::try_from(elements.len()).expect("few").to_le_bytes();
        [&1_u32.to_le_bytes()[..], &[0; 4], &count, &[0; 4], &elements.concat()].concat()
    }

    #[test]
    fn the_vector_of_a_controller_is_read() {
        let read = PasswordVersion::from_ad(&vector(&[element(13, 1, 0), element(UNICODE_PWD, 7, 5), element(589_920, 3, 6)]));
        assert_eq!(read, Some(PasswordVersion { version: 7, at: at(5), origin: ASKED }));
        assert_eq!(PasswordVersion::from_ad(&vector(&[element(13, 1, 0)])).map(|read| read.version), Some(0));
    }

    #[test]
    fn a_vector_cut_anywhere_or_of_another_kind_is_refused() {
        let whole = vector(&[element(UNICODE_PWD, 7, 5), element(13, 1, 0)]);
        for end in 0..whole.len() {
            assert_eq!(PasswordVersion::from_ad(&whole[..end]), None, "{end}");
        }
        let mut other = whole.clone();
        other[0] = 2;
        assert_eq!(PasswordVersion::from_ad(&other), None);
        let mut endless = whole;
        endless[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(PasswordVersion::from_ad(&endless), None);
    }

    /// A value as Windows gives it: a fragment of XML with a line end and a NUL behind it.
    fn xml(attribute: &str, version: &str, time: &str, origin: &str) -> String {
        format!(
            "<DS_REPL_ATTR_META_DATA>\n\t<pszAttributeName>{attribute}</pszAttributeName>\n\t<dwVersion>{version}</dwVersion>\n\t\
             <ftimeLastOriginatingChange>{time}</ftimeLastOriginatingChange>\n\t\
             <uuidLastOriginatingDsaInvocationID>{origin}</uuidLastOriginatingDsaInvocationID>\n\t\
             <usnOriginatingChange>12894</usnOriginatingChange>\n\t<usnLocalChange>12894</usnLocalChange>\n\t\
             <pszLastOriginatingDsaDN>CN=NTDS Settings,CN=DC1,CN=Servers,CN=unicodePwd,CN=Sites,CN=Configuration,DC=kommune,DC=dk\
             </pszLastOriginatingDsaDN>\n</DS_REPL_ATTR_META_DATA>\n\0"
        )
    }

    fn from_xml(values: &[String]) -> Option<PasswordVersion> {
        PasswordVersion::from_xml(values.iter().map(String::as_bytes))
    }

    #[test]
    fn the_xml_of_a_windows_controller_is_read_as_the_vector_is() {
        let origin = "1f3c0000-1111-2222-3333-444455556666";
        let time = at(5).to_string();
        let of = |attribute, version| xml(attribute, version, &time, origin);
        let read = Some(PasswordVersion { version: 7, at: at(5), origin: ASKED });
        // Every value here holds the word: in the name of the site.
        assert_eq!(from_xml(&[of("cn", "1"), of("unicodePwd", "7"), of("ntPwdHistory", "9")]), read);
        assert_eq!(from_xml(&[of("unicodePwd", "7").replace(origin, &origin.to_uppercase())]), read);
        assert_eq!(from_xml(&[of("cn", "1")]).map(|read| read.version), Some(0), "never written");
        assert_eq!(from_xml(&[]), None, "Samba gives none");
    }

    #[test]
    fn xml_that_is_not_as_windows_writes_it_is_refused() {
        let origin = "1f3c0000-1111-2222-3333-444455556666";
        let right = xml("unicodePwd", "7", &at(5).to_string(), origin);
        for (wrong, why) in [
            (vec![right.clone(), right.clone()], "twice"),
            (vec![right.replace("<dwVersion>7<", "<dwVersion>-7<")], "a version below 0"),
            (vec![right.replace("<dwVersion>7</dwVersion>", "")], "no version"),
            (vec![right.replace("<dwVersion>", "<dwVersion>8</dwVersion><dwVersion>")], "two versions"),
            (vec![right.replace(origin, "CN=DC1")], "no invocation ID"),
            (vec![right.replace(&at(5).to_string(), "i dag")], "no time"),
            (vec![right.replace("DS_REPL_ATTR_META_DATA", "DS_REPL_VALUE_META_DATA")], "of something else"),
            (vec![format!("<!DOCTYPE x [<!ENTITY a \"7\">]>{right}")], "a DTD"),
        ] {
            assert_eq!(from_xml(&wrong), None, "{why}");
        }
        for end in (0..right.len() - 2).filter(|end| right[..*end].contains("unicodePwd")) {
            assert_eq!(from_xml(&[right[..end].to_owned()]), None, "{end}");
        }
    }

    #[test]
    fn only_the_next_version_of_the_controller_that_was_asked_at_that_time_is_this_attempts() {
        let before = VersionBefore { version: 7, asked: ASKED };
        let now = |version, seconds, origin| PasswordVersion { version, at: at(seconds), origin };
        let millis = |n| Some(at(0) + SignedDuration::from_millis(n));
        for (read, set, shown) in [
            (now(7, -500, ASKED), None, VersionComparison::Unchanged),
            (now(8, 0, ASKED), millis(40), VersionComparison::ByThisAttempt),
            (now(8, 0, ASKED), None, VersionComparison::ByThisAttempt),
            (now(8, -1, ASKED), millis(-900), VersionComparison::ByThisAttempt),
            (now(8, 1, ASKED), millis(1100), VersionComparison::Unclear),
            (now(8, 2, ASKED), None, VersionComparison::Unclear),
            (now(8, -3, ASKED), None, VersionComparison::Unclear),
            (now(9, 0, ASKED), millis(40), VersionComparison::ByAnother),
            (now(8, 0, Uuid::nil()), millis(40), VersionComparison::ByAnother),
            (now(6, 0, ASKED), millis(40), VersionComparison::ByAnother),
        ] {
            assert_eq!(read.shows(before, at(0), set), shown, "{read:?} {set:?}");
        }
        let last = VersionBefore { version: u32::MAX, asked: ASKED };
        assert_eq!(now(0, 0, ASKED).shows(last, at(0), None), VersionComparison::ByAnother);
    }

    #[test]
    fn what_an_attempt_keeps_comes_back() {
        let before = VersionBefore { version: 7, asked: ASKED };
        assert_eq!(VersionBefore::parse(&before.to_string()), Some(before));
        for text in ["", "unicodePwd:7", "unicodePwd:@", "unicodePwd:-1@1f3c0000-1111-2222-3333-444455556666", "Kendt stemme"] {
            assert_eq!(VersionBefore::parse(text), None, "{text}");
        }
    }
}
