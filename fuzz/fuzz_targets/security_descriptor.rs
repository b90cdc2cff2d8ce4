//! Parser of a controller's security descriptor.
#![no_main]

use libfuzzer_sys::fuzz_target;
use os2nykode::{directory::security_descriptor::{AccessList, CONTROL_ACCESS, RESET_PASSWORD}, model::ad::sid::Sid};

fuzz_target!(|data: &[u8]| {
    if let Some(list) = AccessList::parse(data) {
        let everyone = Sid::parse("S-1-1-0").expect("a SID");
        let _ = list.allows(&[everyone], CONTROL_ACCESS, &[RESET_PASSWORD]);
    }
});
