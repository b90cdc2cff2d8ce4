//! CPU time of a password's guess estimate and memory of the process, for ordinary and for adversarial passwords.
//!
//! `cargo bench --bench guessability`. It measures the thread's CPU time, which other processes don't affect.
#![allow(clippy::print_stdout, reason = "it prints a table")]

use std::{fs, time::Duration};

use os2nykode::model::guessability::{Known, LocalWords, judge};
use rustix::time::{ClockId, clock_gettime};

const PERSON: [&str; 6] = ["Mette Kjærgaard Holm", "mkho", "Borgerservice", "Lokale 214", "86 12 34 56", "1979-08-24"];

fn main() {
    let before = memory("VmRSS");
    let words: Vec<String> = (0..3000).map(|n| format!("Skole{n}vej")).collect();
    let local = LocalWords::new(words.iter().map(String::as_str));
    println!("| passwords | p50 | p99 | max |\n|---|---|---|---|");
    for corpus in ["weak", "good"] {
        let text = fs::read_to_string(format!("tests/data/guessability/{corpus}.txt")).expect("run in the crate's folder");
        let lines: Vec<String> = text.lines().filter(|line| !line.starts_with('#')).map(|line| line.replace('\t', " ")).collect();
        row(corpus, &lines, &local);
    }
    let of = |text: &str| vec![text.chars().cycle().take(256).collect::<String>()];
    for text in [
        "aA1!",
        "a",
        "1",
        "1!|073$@4+",
        "😀",
        " ",
        "e\u{301}o\u{308}",
        "\u{FDFA}",
        "sommer",
        "entendenogderharenmenerdetsåat",
        "1.1.11-1/1 ",
        "qwertytrewq",
        "a-",
        "æøåÆØÅ",
    ] {
        row(&format!("256 characters of {text:?}"), &of(text), &local);
    }
    println!("\nMemory: {before} KiB before the first judgement, {} KiB now, {} KiB at most.", memory("VmRSS"), memory("VmHWM"));
}

fn row(title: &str, passwords: &[String], local: &LocalWords) {
    let mut times: Vec<Duration> = Vec::new();
    for password in passwords.iter().cycle().take(passwords.len().max(40)) {
        let begun = cpu();
        let _ = judge(password, Known { attributes: &PERSON, old: Some("Tk7!vandmølle4"), local, year: 2026 });
        times.push(cpu().saturating_sub(begun));
    }
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_micros();
    println!("| {title} | {} µs | {} µs | {} µs |", at(50), at(99), at(100));
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// A line of `/proc/self/status`, in KiB.
fn memory(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found =
        status.lines().find_map(|candidate| candidate.strip_prefix(line)?.strip_prefix(':')?.split_whitespace().next()?.parse().ok());
    found.unwrap_or(0)
}
