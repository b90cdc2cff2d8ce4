//! Registers of accounts by CPR number (databases and web services), and the family service.

mod check;
mod databases;
mod family;
pub mod peer;
mod relay;
mod services;
mod wired;

use os2nykode::{
    config::{Config, Parents},
    model::{account::reference::AccountRef, cpr::Cpr},
    registers::{Lookups, RegisterError, RegisterErrorCause},
};

use crate::service::Setup;

/// Unassigned CPR numbers of birth years in the 1880s.
const ANNA: &str = "0102805100";
const BODIL: &str = "1503825100";

fn cpr(text: &str) -> Cpr {
    Cpr::parse(text).expect(text)
}

/// The configuration with these sections.
fn config(more: &str) -> Config {
    let dir = tempfile::tempdir().expect("a folder");
    Setup { more: more.to_owned().leak(), ..Setup::default() }.config(dir.path())
}

fn lookups(more: &str) -> Lookups {
    Lookups::new(&config(more).registers).expect("prepared")
}

fn parents(more: &str) -> Parents {
    config(more).parents.expect("set")
}

fn names(found: Result<Vec<AccountRef>, RegisterError>) -> Vec<String> {
    let name = |reference| match reference {
        AccountRef::AccountName(name) => name,
        AccountRef::Upn(upn) => format!("upn {upn}"),
        AccountRef::Guid(guid) => format!("guid {guid}"),
    };
    found.unwrap_or_else(|fault| panic!("{fault}")).into_iter().map(name).collect()
}

/// The cause of an error. Asserts that its text reveals nothing about the person.
fn trouble<T: std::fmt::Debug>(outcome: Result<T, RegisterError>, register: &str) -> RegisterErrorCause {
    let fault = outcome.expect_err("a fault");
    tells_nothing(&format!("{fault} {fault:?}"));
    assert_eq!(fault.register, register);
    fault.trouble
}

fn tells_nothing(text: &str) {
    for number in [ANNA, BODIL] {
        let dashed = format!("{}-{}", &number[..6], &number[6..]);
        for part in [number, &dashed, "hemmelig", "s3cret"] {
            assert!(!text.contains(part), "{part} in {text}");
        }
    }
}
