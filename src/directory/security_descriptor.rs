//! Access list of a security descriptor (MS-DTYP 2.4.6), parsed from untrusted bytes.
//!
//! It helps to report missing rights to the operator and to read badPwdCount; AD itself decides on access.

use crate::model::ad::sid::Sid;

/// A schema GUID, in the byte order of an ACE.
pub type Guid = [u8; 16];

/// Extended right Reset Password, 00299570-246d-11d0-a768-00aa006e0529 (MS-ADTS 5.1.3.2.1).
pub const RESET_PASSWORD: Guid = [0x70, 0x95, 0x29, 0x00, 0x6d, 0x24, 0xd0, 0x11, 0xa7, 0x68, 0x00, 0xaa, 0x00, 0x6e, 0x05, 0x29];
/// Attribute lockoutTime, 28630ebf-41d5-11d1-a9c1-0000f80367c1 (MS-ADA1).
pub const LOCKOUT_TIME: Guid = [0xbf, 0x0e, 0x63, 0x28, 0xd5, 0x41, 0xd1, 0x11, 0xa9, 0xc1, 0x00, 0x00, 0xf8, 0x03, 0x67, 0xc1];
/// Attribute pwdLastSet, bf967a0a-0de6-11d0-a285-00aa003049e2 (MS-ADA3).
pub const PWD_LAST_SET: Guid = [0x0a, 0x7a, 0x96, 0xbf, 0xe6, 0x0d, 0xd0, 0x11, 0xa2, 0x85, 0x00, 0xaa, 0x00, 0x30, 0x49, 0xe2];
/// Property set User-Account-Restrictions, 4c164200-20c0-11d0-a768-00aa006e0529, which contains pwdLastSet.
pub const ACCOUNT_RESTRICTIONS: Guid = [0x00, 0x42, 0x16, 0x4c, 0xc0, 0x20, 0xd0, 0x11, 0xa7, 0x68, 0x00, 0xaa, 0x00, 0x6e, 0x05, 0x29];

/// Extended right Unexpire-Password, ccc2dc7d-a6ad-4a7a-8846-c04e3cc53501, which is granted on the domain's root.
pub const UNEXPIRE_PASSWORD: Guid = [0x7d, 0xdc, 0xc2, 0xcc, 0xad, 0xa6, 0x7a, 0x4a, 0x88, 0x46, 0xc0, 0x4e, 0x3c, 0xc5, 0x35, 0x01];
/// Attribute badPwdCount, bf96792e-0de6-11d0-a285-00aa003049e2 (MS-ADA1).
pub const BAD_PWD_COUNT: Guid = [0x2e, 0x79, 0x96, 0xbf, 0xe6, 0x0d, 0xd0, 0x11, 0xa2, 0x85, 0x00, 0xaa, 0x00, 0x30, 0x49, 0xe2];
/// Property set User-Logon, 5f202010-79a5-11d0-9020-00c04fc2d4cf, which contains badPwdCount.
pub const USER_LOGON: Guid = [0x10, 0x20, 0x20, 0x5f, 0xa5, 0x79, 0xd0, 0x11, 0x90, 0x20, 0x00, 0xc0, 0x4f, 0xc2, 0xd4, 0xcf];

/// RIGHT_DS_READ_PROPERTY.
pub const READ_PROPERTY: u32 = 0x10;
/// RIGHT_DS_WRITE_PROPERTY.
pub const WRITE_PROPERTY: u32 = 0x20;
/// RIGHT_DS_CONTROL_ACCESS.
pub const CONTROL_ACCESS: u32 = 0x100;

const INHERIT_ONLY: u8 = 0x08;
const DACL_PRESENT: u16 = 0x0004;

/// An access control entry.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ace {
    allows: bool,
    mask: u32,
    object: Option<Guid>,
    sid: Sid,
}

/// Access control entries in the order of evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessList {
    entries: Vec<Ace>,
}

impl AccessList {
    /// Parses a self-relative security descriptor. `None`: truncated, malformed, or without a DACL (which would permit everything to all).
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let control = u16_at(bytes, 2)?;
        let start = usize::try_from(u32_at(bytes, 16)?).ok()?;
        if bytes.first() != Some(&1) || control & DACL_PRESENT == 0 || start == 0 {
            return None;
        }
        let acl = bytes.get(start..)?;
        let acl = acl.get(8..usize::from(u16_at(acl, 2)?))?;
        let count = u16_at(bytes, start + 4)?;
        let mut entries = Vec::new();
        let mut rest = acl;
        for _ in 0..count {
            let size = usize::from(u16_at(rest, 2)?);
            let ace = rest.get(..size).filter(|ace| ace.len() >= 8)?;
            rest = &rest[size..];
            if ace[1] & INHERIT_ONLY == 0 {
                entries.extend(Ace::parse(ace)?);
            }
        }
        Some(Self { entries })
    }

    /// Whether a token with these SIDs has `right` on one of `objects`. The first applicable entry decides (MS-ADTS 5.1.3.3).
    pub fn allows(&self, sids: &[Sid], right: u32, objects: &[Guid]) -> bool {
        let speaks = |ace: &&Ace| ace.mask & right != 0 && ace.object.is_none_or(|guid| objects.contains(&guid)) && sids.contains(&ace.sid);
        self.entries.iter().find(speaks).is_some_and(|ace| ace.allows)
    }
}

impl Ace {
    /// The entry; empty for a kind that neither allows nor denies. `None` if it is truncated.
    fn parse(ace: &[u8]) -> Option<Vec<Self>> {
        let (allows, has_objects) = match ace[0] {
            0 => (true, false),
            1 => (false, false),
            5 => (true, true),
            6 => (false, true),
            _ => return Some(Vec::new()),
        };
        let mask = u32_at(ace, 4)?;
        let flags = if has_objects { u32_at(ace, 8)? } else { 0 };
        let object = if flags & 1 == 1 { Some(Guid::try_from(ace.get(12..28)?).ok()?) } else { None };
        let guids = usize::from(flags & 1 == 1) + usize::from(flags & 2 == 2);
        let sid_at = if has_objects { 12 + 16 * guids } else { 8 };
        let (sid, _) = Sid::take(ace.get(sid_at..)?)?;
        Some(vec![Self { allows, mask, object, sid }])
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?).and_then(|b| b.try_into().ok()).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S-1-5-11 as bytes.
    const SID: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0];

    fn object_ace(kind: u8, flags: u8, mask: u32, object: Guid) -> Vec<u8> {
        let body = [&mask.to_le_bytes()[..], &1_u32.to_le_bytes(), &object, &SID].concat();
        let size = u16::try_from(body.len() + 4).expect("small").to_le_bytes();
        [&[kind, flags][..], &size, &body].concat()
    }

    fn descriptor(aces: &[Vec<u8>]) -> Vec<u8> {
        let body = aces.concat();
        let size = u16::try_from(body.len() + 8).expect("small").to_le_bytes();
        let count = u16::try_from(aces.len()).expect("few").to_le_bytes();
        let acl = [&[4, 0][..], &size, &count, &[0, 0], &body].concat();
        [&[1, 0][..], &0x8004_u16.to_le_bytes(), &[0; 12], &20_u32.to_le_bytes(), &acl].concat()
    }

    fn authenticated() -> Vec<Sid> {
        vec![Sid::parse("S-1-5-11").expect("a SID")]
    }

    #[test]
    fn the_first_entry_that_speaks_of_a_right_decides() {
        let allow = object_ace(5, 0, CONTROL_ACCESS, RESET_PASSWORD);
        let deny = object_ace(6, 0, CONTROL_ACCESS, RESET_PASSWORD);
        let may = |aces: &[Vec<u8>]| {
            AccessList::parse(&descriptor(aces)).expect("a list").allows(&authenticated(), CONTROL_ACCESS, &[RESET_PASSWORD])
        };
        assert!(may(std::slice::from_ref(&allow)));
        assert!(!may(&[deny.clone(), allow.clone()]));
        assert!(may(&[allow, deny]));
        assert!(!may(&[]));
    }

    #[test]
    fn another_right_object_person_or_an_inherit_only_entry_says_nothing() {
        let list = AccessList::parse(&descriptor(&[object_ace(5, 0, CONTROL_ACCESS, RESET_PASSWORD)])).expect("a list");
        assert!(!list.allows(&authenticated(), WRITE_PROPERTY, &[RESET_PASSWORD]));
        assert!(!list.allows(&authenticated(), CONTROL_ACCESS, &[LOCKOUT_TIME]));
        assert!(!list.allows(&[Sid::parse("S-1-5-32-544").expect("a SID")], CONTROL_ACCESS, &[RESET_PASSWORD]));
        let inherit_only = AccessList::parse(&descriptor(&[object_ace(5, INHERIT_ONLY, CONTROL_ACCESS, RESET_PASSWORD)])).expect("a list");
        assert!(!inherit_only.allows(&authenticated(), CONTROL_ACCESS, &[RESET_PASSWORD]));
    }

    #[test]
    fn a_descriptor_cut_anywhere_is_refused() {
        let whole = descriptor(&[object_ace(5, 0, CONTROL_ACCESS, RESET_PASSWORD)]);
        for end in 0..whole.len() {
            assert_eq!(AccessList::parse(&whole[..end]), None, "{end}");
        }
    }
}
