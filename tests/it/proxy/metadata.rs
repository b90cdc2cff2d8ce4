//! Replication metadata as a Windows controller gives it (msDS-ReplAttributeMetaData), made of what Samba knows.

use ldap3::{Scope, SearchEntry};
use os2nykode::model::ad::password_version::PasswordVersion;

use super::{ENTRY, SEARCH_DONE, ber, id_of};
use crate::{environment::environment, people::connect_to};

/// The attribute that only Windows fills.
pub const XML: &[u8] = b"msDS-ReplAttributeMetaData";
/// The attribute that Samba has.
pub const BINARY: &[u8] = b"replPropertyMetaData";

/// The answer to a search of one object for [`XML`].
pub async fn answer(controller: &str, request: &[u8]) -> Vec<u8> {
    let base = base_of(request);
    let mut ldap = connect_to(controller).await;
    ldap.simple_bind(environment().fact("ADMIN_DN"), environment().fact("ADMIN_PASSWORD")).await.expect("sent").success().expect("in");
    let found = ldap.search(&base, Scope::Base, "(objectClass=*)", ["replPropertyMetaData"]).await.expect("sent").success().expect("there");
    let entry = SearchEntry::construct(found.0.into_iter().next().expect("the object"));
    let vector = &entry.bin_attrs["replPropertyMetaData"][0];
    let read = PasswordVersion::from_ad(vector).expect("Samba's metadata");
    let values = [ber(4, value("cn", 1, read).as_bytes()), ber(4, value("unicodePwd", read.version, read).as_bytes())].concat();
    let attribute = ber(0x30, &[ber(4, XML), ber(0x31, &values)].concat());
    let entry = ber(ENTRY, &[ber(4, entry.dn.as_bytes()), ber(0x30, &attribute)].concat());
    let done = ber(SEARCH_DONE, &[0x0a, 1, 0, 4, 0, 4, 0]);
    [ber(0x30, &[id_of(request), &entry].concat()), ber(0x30, &[id_of(request), &done].concat())].concat()
}

fn value(attribute: &str, version: u32, read: PasswordVersion) -> String {
    format!(
        "<DS_REPL_ATTR_META_DATA>\n\t<pszAttributeName>{attribute}</pszAttributeName>\n\t<dwVersion>{version}</dwVersion>\n\t\
         <ftimeLastOriginatingChange>{}</ftimeLastOriginatingChange>\n\t\
         <uuidLastOriginatingDsaInvocationID>{}</uuidLastOriginatingDsaInvocationID>\n\t\
         <usnOriginatingChange>4711</usnOriginatingChange>\n\t<usnLocalChange>4711</usnLocalChange>\n\t\
         <pszLastOriginatingDsaDN></pszLastOriginatingDsaDN>\n</DS_REPL_ATTR_META_DATA>\n\0",
        read.at, read.origin
    )
}

/// The base of a search: the first text of the request (RFC 4511, section 4.5.1).
fn base_of(request: &[u8]) -> String {
    let mut rest = content(request);
    rest = &rest[2 + usize::from(rest[1])..]; // the message's id
    let search = content(rest);
    assert_eq!(search[0], 4, "a text");
    String::from_utf8(content(search).to_vec()).expect("UTF-8")
}

/// What is in the first element.
fn content(bytes: &[u8]) -> &[u8] {
    let (start, length) = match bytes[1] {
        length @ 0..0x80 => (2, usize::from(length)),
        size => {
            let end = 2 + usize::from(size & 0x7f);
            (end, bytes[2..end].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
        }
    };
    &bytes[start..start + length]
}
