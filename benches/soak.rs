//! Long-running load against the service: memory over many requests, attacks from one address, many logins at once, a day of many people
//! compressed into minutes with one instance killed midway, and SIGKILL in the middle of changes.
//!
//! Run by scripts/soak. The load stays on loopback and is bounded in count and time.

#[path = "soak/at_once.rs"]
mod at_once;
#[path = "soak/attacks.rs"]
mod attacks;
#[path = "soak/crowd.rs"]
mod crowd;
#[path = "../tests/it/environment.rs"]
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod environment;
#[path = "soak/kills.rs"]
mod kills;
#[path = "soak/memory.rs"]
mod memory;
#[path = "../tests/it/people.rs"]
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod people;
#[path = "soak/program.rs"]
mod program;
#[path = "soak/visitor.rs"]
mod visitor;

#[allow(clippy::print_stdout, reason = "a program that prints figures")]
fn say(line: &str) {
    println!("{line}");
}

/// A number from the environment, or the default.
fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().map_or(usual, |text| text.parse().expect("a whole number"))
}

#[tokio::main]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let all = ["memory", "attacks", "at_once", "crowd", "kills"];
    let asked = std::env::var("OS2NYKODE_SOAK").unwrap_or_else(|_| all.join(","));
    for part in asked.split(',') {
        match part {
            "memory" => memory::measure().await,
            "attacks" => attacks::measure().await,
            "at_once" => at_once::measure().await,
            "crowd" => crowd::measure().await,
            "kills" => kills::measure().await,
            unknown => panic!("OS2NYKODE_SOAK is a list of {all:?}, not {unknown:?}"),
        }
    }
}
