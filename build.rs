//! The pages need static/dist, which is made from npm packages and not kept in the repository.

fn main() {
    println!("cargo::rerun-if-changed=static/dist");
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed=locales");
    println!("cargo::rerun-if-changed=templates");
    if !std::path::Path::new("static/dist/style.css").exists() {
        println!("cargo::error=static/dist is missing: run scripts/setup");
    }
}
