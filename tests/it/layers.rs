//! Dependencies between the rooms point in one direction.

use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder").map(|e| e.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|e| e == "rs") {
            found.push(entry);
        }
    }
}

/// The code without comments and blanks, so that `use crate :: {http}` is found as well.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect()
}

/// Whether the code names the room, as `crate::room`, `os2nykode::room`, `super::room`, or within `crate::{…}`.
fn names(code: &str, room: &str, depth: usize) -> bool {
    let upwards = "super::".repeat(depth); // path from a file at this depth to the crate's root
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let direct = ["crate::", "os2nykode::", &upwards].iter().any(|prefix| {
        let path = format!("{prefix}{room}");
        code.match_indices(&path).any(|(at, _)| ends(&code[at + path.len()..]))
    });
    let in_group = ["crate::{".to_owned(), "os2nykode::{".to_owned(), format!("{upwards}{{")]
        .iter()
        .flat_map(|open| code.match_indices(open).map(move |(at, _)| at + open.len()))
        .any(|start| {
            let mut depth = 1;
            let group: String = code[start..]
                .chars()
                .take_while(|c| {
                    depth += i32::from(*c == '{') - i32::from(*c == '}');
                    depth > 0
                })
                .collect();
            let mut level = 0;
            let mut item = String::new();
            let mut items = Vec::new();
            for c in group.chars() {
                level += i32::from(c == '{') - i32::from(c == '}');
                if c == ',' && level == 0 {
                    items.push(std::mem::take(&mut item));
                } else {
                    item.push(c);
                }
            }
            items.push(item);
            items.iter().any(|item| item.strip_prefix(room).is_some_and(ends))
        });
    direct || in_group
}

/// (room, rooms that it may not name, crates that it may not name)
const RULES: &[(&str, &[&str], &[&str])] = &[
    (
        "model",
        &[
            "admin",
            "app",
            "audit",
            "check",
            "cli",
            "clock",
            "config",
            "directory",
            "flow",
            "forward",
            "http",
            "http_client",
            "identity",
            "jobs",
            "leaked",
            "registers",
            "serve",
            "store",
            "telemetry",
        ],
        &["axum", "askama", "ldap3", "sqlx", "tokio"],
    ),
    (
        "config",
        &[
            "admin",
            "app",
            "audit",
            "check",
            "directory",
            "flow",
            "forward",
            "http",
            "http_client",
            "jobs",
            "leaked",
            "registers",
            "serve",
            "store",
        ],
        &["axum", "askama", "ldap3", "sqlx"],
    ),
    (
        "http_client",
        &[
            "admin",
            "app",
            "audit",
            "check",
            "config",
            "directory",
            "flow",
            "forward",
            "http",
            "identity",
            "jobs",
            "registers",
            "serve",
            "store",
        ],
        &["axum", "askama", "ldap3", "sqlx", "tower_sessions"],
    ),
    (
        "directory",
        &["admin", "app", "audit", "check", "flow", "forward", "http", "identity", "jobs", "registers", "serve", "store"],
        &["axum", "askama", "sqlx", "tower_sessions"],
    ),
    (
        "identity",
        &["admin", "app", "audit", "check", "directory", "flow", "forward", "http", "jobs", "registers", "serve", "store"],
        &["axum", "askama", "ldap3", "sqlx", "tower_sessions"],
    ),
    (
        "registers",
        &["admin", "app", "audit", "check", "directory", "flow", "forward", "http", "identity", "jobs", "serve", "store"],
        &["axum", "askama", "ldap3", "tower_sessions"],
    ),
    (
        "leaked",
        &[
            "admin",
            "app",
            "audit",
            "check",
            "cli",
            "directory",
            "flow",
            "forward",
            "http",
            "identity",
            "jobs",
            "registers",
            "serve",
            "store",
        ],
        &["axum", "askama", "ldap3", "sqlx", "tower_sessions"],
    ),
    (
        "forward",
        &["admin", "app", "audit", "check", "directory", "flow", "http", "identity", "jobs", "registers", "serve", "store"],
        &["axum", "askama", "ldap3", "sqlx", "tower_sessions"],
    ),
    (
        "store",
        &["admin", "app", "check", "directory", "flow", "forward", "http", "identity", "jobs", "registers", "serve"],
        &["axum", "askama", "ldap3"],
    ),
    (
        "audit",
        &["admin", "app", "check", "directory", "flow", "forward", "http", "identity", "jobs", "registers", "serve"],
        &["axum", "askama", "ldap3"],
    ),
    (
        "limits",
        &["admin", "app", "audit", "check", "cli", "directory", "flow", "forward", "http", "identity", "jobs", "registers", "serve"],
        &["axum", "askama", "ldap3", "sqlx"],
    ),
    ("flow", &["admin", "check", "cli", "http", "jobs", "serve"], &["axum", "askama", "ldap3", "sqlx"]),
    ("jobs", &["admin", "check", "cli", "http", "serve"], &["axum", "askama", "ldap3", "sqlx"]),
    ("admin", &["app", "check", "cli", "directory", "http", "jobs", "serve"], &["axum", "askama", "ldap3", "sqlx"]),
    ("http", &["admin", "check", "cli", "directory", "forward", "jobs", "leaked", "registers", "serve"], &["ldap3", "sqlx"]),
    ("app", &["admin", "check", "cli", "flow", "http", "jobs", "serve"], &["axum", "askama", "ldap3", "sqlx"]),
    ("check", &["admin", "app", "cli", "flow", "http", "jobs", "serve"], &["axum", "askama", "ldap3", "sqlx"]),
    ("cli", &["http"], &["axum", "askama", "ldap3", "sqlx"]),
];

#[test]
fn data_flows_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 40, "the sources were found");
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&src).expect("below src").to_string_lossy().replace('\\', "/");
        let room = inside.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        let code = code(&fs::read_to_string(&file).expect("text"));
        if room != "identity" {
            wrong.extend(
                ["samael", "roxmltree", "openidconnect", "josekit", "totp_rs"]
                    .iter()
                    .filter(|c| code.contains(&format!("{c}::")))
                    .map(|c| format!("{inside} uses {c}")),
            );
        }
        if !["registers", "telemetry"].contains(&room) && code.contains("tiberius::") {
            wrong.push(format!("{inside} uses tiberius"));
        }
        for (_, rooms, crates) in RULES.iter().filter(|(who, ..)| *who == room) {
            wrong.extend(rooms.iter().filter(|r| names(&code, r, inside.split('/').count())).map(|r| format!("{inside} names {r}")));
            wrong.extend(crates.iter().filter(|c| code.contains(&format!("{c}::"))).map(|c| format!("{inside} uses {c}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_check_sees_every_way_of_naming_a_room() {
    for text in
        ["use crate::http::x;", "use crate::{model, http::{a, b}};", "use crate :: {\n http,\n};", "super::http::f()", "os2nykode::http"]
    {
        assert!(names(&code(text), "http", 1), "{text}");
    }
    for text in ["use crate::https::x;", "use crate::{model::{http}};", "// use crate::http", "let http = 1;"] {
        assert!(!names(&code(text), "http", 1), "{text}");
    }
}
