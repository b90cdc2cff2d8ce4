//! Parsers of a controller's diagnostic texts, GUIDs, SIDs and DNs: no input panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use os2nykode::{directory::{is_under, password::answer}, model::ad::{filetime, guid::ObjectGuid, sid::Sid}};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for rc in [0, 12, 19, 32, 49, 50, 53] {
        let _ = answer::of_bind(rc, &text);
        let _ = answer::of_write(rc, &text);
    }
    let _ = ObjectGuid::from_ad(data);
    if let Some(guid) = ObjectGuid::parse(&text) {
        assert_eq!(ObjectGuid::parse(&guid.to_string()), Some(guid));
    }
    if let Some(sid) = Sid::from_ad(data) {
        assert_eq!(Sid::parse(&sid.to_string()), Some(sid));
    }
    let _ = Sid::parse(&text);
    assert!(!is_under(&text, ""));
    if let Some(ticks) = data.first_chunk().map(|b| i64::from_le_bytes(*b)) {
        let _ = filetime::span(ticks);
        if let Some(at) = filetime::point(ticks) {
            assert_eq!(filetime::ticks(at), ticks);
        }
    }
});
