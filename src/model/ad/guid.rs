//! objectGUID, the identifier of an account that survives renames, moves and a new sAMAccountName.

use uuid::Uuid;

/// An objectGUID. Displayed as AD's tools do: `8-4-4-4-12` lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectGuid(Uuid);

impl ObjectGuid {
    /// Reads the 16 bytes of the attribute; the first three groups are little-endian (MS-DTYP 2.3.4.2).
    pub fn from_ad(bytes: &[u8]) -> Option<Self> {
        <[u8; 16]>::try_from(bytes).ok().map(|b| Self(Uuid::from_bytes_le(b)))
    }

    /// Reads the hyphenated form only, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 36).then(|| Uuid::try_parse(text).ok().map(Self)).flatten()
    }

    /// The base DN that names the object by its GUID (MS-ADTS 3.1.1.3.1.2.4).
    pub fn as_dn(&self) -> String {
        format!("<GUID={self}>")
    }
}

impl From<ObjectGuid> for Uuid {
    fn from(guid: ObjectGuid) -> Self {
        guid.0
    }
}

impl From<Uuid> for ObjectGuid {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl std::fmt::Display for ObjectGuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

#[cfg(test)]
mod tests {
    use crate::model::ad::guid::*;

    #[test]
    fn the_first_three_groups_are_little_endian() {
        let bytes: Vec<u8> = (0x00..0x10).collect();
        let guid = ObjectGuid::from_ad(&bytes).expect("16 bytes");
        assert_eq!(guid.to_string(), "03020100-0504-0706-0809-0a0b0c0d0e0f");
        assert_eq!(ObjectGuid::parse(&guid.to_string()), Some(guid));
    }

    #[test]
    fn anything_but_the_hyphenated_form_is_refused() {
        for text in
            ["", "030201000504070608090a0b0c0d0e0f", "{03020100-0504-0706-0809-0a0b0c0d0e0f}", "03020100-0504-0706-0809-0a0b0c0d0e0g"]
        {
            assert_eq!(ObjectGuid::parse(text), None, "{text}");
        }
        assert_eq!(ObjectGuid::from_ad(&[0; 15]), None);
    }
}
