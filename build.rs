//! The pages need static/dist, which is made from npm packages and not kept in the repository. The judge of guesses needs its word lists packed.

#[path = "build/word_lists.rs"]
mod word_lists;

#[allow(dead_code, reason = "the build script folds words; the service also compares them")]
#[path = "src/model/password_policy/fold.rs"]
mod fold;

#[allow(dead_code, reason = "the build script packs entries; the service unpacks them")]
#[path = "src/model/guessability/lists.rs"]
mod lists;

use std::{env, path::Path};

fn main() {
    for input in [
        "static/dist",
        "migrations",
        "locales",
        "templates",
        "build",
        "src/model/password_policy/fold.rs",
        "src/model/guessability/lists.rs",
    ] {
        println!("cargo::rerun-if-changed={input}");
    }
    if !Path::new("static/dist/style.css").exists() {
        println!("cargo::error=static/dist is missing: run scripts/setup");
    }
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    word_lists::pack(Path::new("lists"), Path::new(&out));
}
