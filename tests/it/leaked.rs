//! Leaked passwords: the list on disk, its import, the range API, and look-ups in both.

mod both;
mod check;
mod command;
mod download;
mod import;
mod import_faults;
mod judge;
mod list;
mod online;
mod online_faults;
mod range_api;
mod refused;
mod resume;
mod vectors;

use std::path::{Path, PathBuf};

use os2nykode::model::credential::password::Password;

use crate::service::{SECRET, write_private};

fn password(text: &str) -> Password {
    Password::parse(text.to_owned()).expect("a password")
}

/// A complete configuration file with these keys of `[policy.leaked]`. None of its servers is reachable.
fn config_file(folder: &Path, keys: &str) -> PathBuf {
    let text = format!(
        "[site]\nname = \"Prøve Kommune\"\ncontact = {{ da = \"Ring\" }}\n[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://adgangskode.kommune.dk\"\n\
         trusted_proxies = [\"127.0.0.1/32\"]\nsecret = \"{SECRET}\"\n[store]\nurl = \"sqlite:///none/at/all.db\"\n\
         [directory]\ncontrollers = [{{ name = \"dc1.kommune.dk\" }}]\nbase_dn = \"DC=kommune,DC=dk\"\nbind_user = \"svc@kommune.dk\"\nbind_password = \"x\"\n\
         [policy.leaked]\n{keys}\n"
    );
    let path = folder.join("config.toml");
    write_private(&path, text).expect("written");
    path
}
