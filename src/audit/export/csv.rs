//! CSV export of the audit log, for Excel and other spreadsheets.
//!
//! Invariant: no value becomes a formula, or ends its cell or line, even with a person's name as input.

use crate::audit::{export::public_entry::PublicEvent, log::entry::StoredEntry};

/// Byte order mark: makes Excel read UTF-8.
pub const BOM: &str = "\u{FEFF}";

/// Characters that may begin a formula, with the full-width ones that some spreadsheets normalize to them.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// Characters that a spreadsheet may separate cells by.
const DIVIDES: [char; 4] = [';', ',', '|', '；'];

const HEAD: [&str; 29] = [
    "number",
    "authentic",
    "at",
    "kind",
    "class",
    "outcome",
    "reason",
    "actor_account",
    "actor_name",
    "actor_guid",
    "role",
    "authority",
    "target_account",
    "target_name",
    "target_guid",
    "target_domain",
    "note",
    "ticket",
    "client",
    "user_agent",
    "method",
    "provider",
    "level",
    "assertion",
    "unknown_name",
    "controller",
    "visit",
    "attempt",
    "entry_sha256",
];

/// The header line.
pub fn head() -> String {
    line(HEAD.iter().map(|name| (*name).to_owned()))
}

/// The line of one entry.
pub fn row(number: i64, authentic: bool, entry: StoredEntry) -> String {
    let digest = data_encoding::HEXLOWER.encode(&entry.digest());
    let event = PublicEvent::new(number, authentic, entry);
    let (actor, target) = (event.actor, event.target);
    let of = |party: &Option<crate::audit::export::public_entry::PublicParty>,
              part: fn(&crate::audit::export::public_entry::PublicParty) -> &String| party.as_ref().map(part).cloned();
    let cells: [Option<String>; HEAD.len()] = [
        Some(event.number.to_string()),
        Some(event.authentic.to_string()),
        Some(event.at),
        Some(event.kind),
        event.class.map(str::to_owned),
        Some(event.outcome),
        Some(event.reason),
        of(&actor, |party| &party.account),
        of(&actor, |party| &party.name),
        of(&actor, |party| &party.guid),
        event.role,
        event.authority,
        of(&target, |party| &party.account),
        of(&target, |party| &party.name),
        of(&target, |party| &party.guid),
        event.target_domain,
        event.note,
        event.ticket,
        event.client,
        event.user_agent,
        event.method,
        event.provider,
        event.level,
        event.assertion,
        event.unknown_name,
        event.controller,
        Some(event.visit),
        event.attempt,
        Some(digest),
    ];
    line(cells.into_iter().map(Option::unwrap_or_default))
}

/// Format of RFC 4180 with every cell in quotes. The separator is the one that Excel expects where numbers have decimal
/// commas, as in Denmark.
fn line(cells: impl Iterator<Item = String>) -> String {
    cells.map(|text| cell(&text)).collect::<Vec<_>>().join(";") + "\r\n"
}

/// An apostrophe prevents formulas: at the beginning, and after each character that another spreadsheet may separate
/// cells by. Control characters can come only from outside the service, and become visible.
fn cell(text: &str) -> String {
    let parts = text.split_inclusive(DIVIDES).map(|part| {
        let guard = if part.trim_start_matches([' ', '\u{a0}', '"']).starts_with(FORMULA) { "'" } else { "" };
        let safe: String = part.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
        format!("{guard}{}", safe.replace('"', "\"\""))
    });
    format!("\"{}\"", parts.collect::<String>())
}

#[cfg(test)]
mod tests {
    use crate::audit::export::csv::*;
    use crate::audit::log::entry::COLUMNS;

    #[test]
    fn nothing_is_a_formula_or_breaks_a_cell() {
        for (text, as_told) in [
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\u{FFFD}=1\""),
            ("\r=1", "\"'\u{FFFD}=1\""),
            ("Mozilla;=HYPERLINK(1),\"@x|-1; +2", "\"Mozilla;'=HYPERLINK(1),'\"\"@x|'-1;' +2\""),
            ("a-b; c=d", "\"a-b; c=d\""),
            (" =1", "\"' =1\""),
            ("＝1", "\"'＝1\""),
            ("a\"b,c;d", "\"a\"\"b,c;d\""),
            ("a\r\n\"=1\"", "\"a\u{FFFD}\u{FFFD}\"\"=1\"\"\""),
            ("Åse Bech-Øst", "\"Åse Bech-Øst\""),
            ("", "\"\""),
        ] {
            assert_eq!(cell(text), as_told, "{text:?}");
        }
    }

    #[test]
    fn every_field_of_an_entry_has_one_cell_and_each_is_guarded() {
        let mut columns: serde_json::Map<String, serde_json::Value> =
            COLUMNS.iter().map(|column| ((*column).to_owned(), format!("=\"{column}\r\n,").into())).collect();
        columns.insert("at".to_owned(), 0.into());
        columns.insert("password_set_before".to_owned(), 0.into());
        let entry: StoredEntry = serde_json::from_value(columns.into()).expect("an entry");
        let row = row(1, true, entry);
        assert_eq!(row.matches("\r\n").count(), 1, "{row}");
        assert_eq!(row.matches("\";\"").count() + 1, HEAD.len(), "{row}");
        for column in COLUMNS.iter().filter(|column| !["at", "password_set_before", "actor_cpr", "target_cpr", "mac"].contains(column)) {
            assert!(row.contains(&format!("\"'=\"\"{column}\u{FFFD}\u{FFFD},\"")), "{column} in {row}");
        }
        assert_eq!(head().matches(';').count() + 1, HEAD.len());
    }
}
