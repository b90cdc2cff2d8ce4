//! Security identifiers, as in `tokenGroups` and security descriptors.

/// A SID (MS-DTYP 2.4.2). Displayed as `S-1-5-21-…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid {
    authority: u64,
    parts: Vec<u32>,
}

impl Sid {
    /// Reads the packet form: revision 1, count, 6 bytes big-endian authority, `count` little-endian parts, and no further bytes.
    pub fn from_ad(bytes: &[u8]) -> Option<Self> {
        let (sid, rest) = Self::take(bytes)?;
        rest.is_empty().then_some(sid)
    }

    /// Reads one SID from the front; returns the rest.
    pub fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (head, rest) = bytes.split_at_checked(8)?;
        let (&[1, count @ 0..=15], value) = head.split_first_chunk()? else { return None };
        let (body, rest) = rest.split_at_checked(usize::from(count) * 4)?;
        let authority = value.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let parts = body.chunks_exact(4).map(|p| u32::from_le_bytes([p[0], p[1], p[2], p[3]])).collect();
        Some((Self { authority, parts }, rest))
    }

    /// The packet form.
    pub fn to_ad(&self) -> Vec<u8> {
        let count = u8::try_from(self.parts.len()).expect("at most 15 parts");
        let mut bytes = vec![1, count];
        bytes.extend_from_slice(&self.authority.to_be_bytes()[2..]);
        bytes.extend(self.parts.iter().flat_map(|part| part.to_le_bytes()));
        bytes
    }

    /// The RID of an account or group of an AD domain (`S-1-5-21-a-b-c-RID`).
    pub fn rid(&self) -> Option<u32> {
        match (self.authority, self.parts.as_slice()) {
            (5, [21, _, _, _, rid]) => Some(*rid),
            _ => None,
        }
    }

    /// The RID of a built-in group (`S-1-5-32-RID`).
    pub fn builtin(&self) -> Option<u32> {
        match (self.authority, self.parts.as_slice()) {
            (5, [32, rid]) => Some(*rid),
            _ => None,
        }
    }

    /// The base DN that names the object by its SID (MS-ADTS 3.1.1.3.1.2.4).
    pub fn as_dn(&self) -> String {
        format!("<SID={self}>")
    }

    /// Reads `S-1-…`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix("S-1-")?.split('-');
        let authority = numbers.next()?.parse().ok()?;
        let parts = numbers.map(|n| n.parse().ok()).collect::<Option<Vec<u32>>>()?;
        (parts.len() <= 15 && authority < 1 << 48).then_some(Self { authority, parts })
    }
}

impl std::fmt::Display for Sid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "S-1-{}", self.authority)?;
        self.parts.iter().try_for_each(|part| write!(f, "-{part}"))
    }
}

#[cfg(test)]
mod tests {
    use crate::model::ad::sid::*;

    #[test]
    fn authenticated_users_reads_from_bytes_and_text() {
        let sid = Sid::from_ad(&[1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0]).expect("a SID");
        assert_eq!(sid.to_string(), "S-1-5-11");
        assert_eq!(sid.to_ad(), [1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0]);
        assert_eq!(Sid::parse("S-1-5-11"), Some(sid));
        let domain = Sid::parse("S-1-5-21-1-4294967295-3-1104").expect("a SID");
        assert_eq!(Sid::from_ad(&domain.to_ad()), Some(domain));
    }

    #[test]
    fn a_cut_or_overlong_sid_is_refused() {
        let whole = [1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0];
        for end in 0..whole.len() {
            assert_eq!(Sid::from_ad(&whole[..end]), None, "{end}");
        }
        assert_eq!(Sid::from_ad(&[whole.as_slice(), &[0]].concat()), None);
        assert_eq!(Sid::from_ad(&[2, 0, 0, 0, 0, 0, 0, 5]), None);
    }
}
