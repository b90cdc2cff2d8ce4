//! Test that the page's script and the password policy agree: the checklist during typing shows the verdict that the server gives
//! afterwards.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::http::i18n::words::Wording;
use crate::{
    config::Language,
    model::{
        account::{Account, PasswordExpiry, PasswordState},
        ad::guid::ObjectGuid,
        credential::password::Password,
        password_policy::{BrokenRule, Candidate, PasswordPolicy, PolicyRule, evaluate},
    },
};

/// Runs the script in a minimal page, a list of rules and a field, and types each password into the field.
const PAGE: &str = r#"
const vm = require("node:vm"), fs = require("node:fs");
const { script, passwords, rules } = JSON.parse(fs.readFileSync(0, "utf8"));
const item = ([rule, value]) => {
  const on = new Set(), state = { textContent: "" };
  return { dataset: { rule, value }, on, querySelector: () => state,
    classList: { toggle: (name, is) => is ? on.add(name) : on.delete(name), contains: (name) => on.has(name) } };
};
const items = rules.map(item);
let typed = () => {};
const input = { value: "", addEventListener: (_, f) => { typed = f; }, setAttribute() {} };
const list = { dataset: { met: "met", unmet: "unmet" }, querySelectorAll: () => items, querySelector: () => null };
const elements = { rules: list, new: input, "rules-told": { dataset: { text: "" } } };
const document = { addEventListener() {}, querySelectorAll: () => [], getElementById: (id) => elements[id] ?? null };
vm.runInNewContext(script, { document, window: { addEventListener() {} }, setTimeout() {}, clearTimeout() {} });
const states = passwords.map((password) => {
  input.value = password;
  typed();
  return items.map((item) => item.on.has("met") ? "met" : item.on.has("unmet") ? "unmet" : "");
});
process.stdout.write(JSON.stringify(states));
"#;

#[derive(Serialize)]
struct Visit<'a> {
    script: &'a str,
    passwords: &'a [String],
    rules: &'a [(&'static str, String)],
}

#[derive(Deserialize)]
struct States(Vec<Vec<String>>);

fn judged_by_script(passwords: &[String], rules: &[(&'static str, String)]) -> Vec<Vec<String>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("static/src/site.js");
    let script = std::fs::read_to_string(file).expect("the script");
    let input = serde_json::to_vec(&Visit { script: &script, passwords, rules }).expect("JSON");
    let mut node = Command::new("node");
    let mut child = node.args(["-e", PAGE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Node.js: run scripts/setup");
    child.stdin.take().expect("piped").write_all(&input).expect("written");
    let output = child.wait_with_output().expect("ended");
    assert!(output.status.success());
    let States(states) = serde_json::from_slice(&output.stdout).expect("JSON");
    states
}

/// The verdict that the script must show for a rule; `None` where only AD or the server can decide.
fn holds(rule: &PolicyRule, broken: &[BrokenRule]) -> Option<bool> {
    let is = |wanted: fn(&BrokenRule) -> bool| Some(!broken.iter().any(wanted));
    match rule {
        PolicyRule::MinLength(_) => is(|b| matches!(b, BrokenRule::TooShort(_))),
        PolicyRule::MaxLength(_) => is(|b| matches!(b, BrokenRule::TooLong(_))),
        PolicyRule::Complexity => is(|b| matches!(b, BrokenRule::NotComplex)),
        PolicyRule::Letters => is(|b| matches!(b, BrokenRule::NoLetter)),
        PolicyRule::UpperAndLower => is(|b| matches!(b, BrokenRule::NotUpperAndLower)),
        PolicyRule::Digits => is(|b| matches!(b, BrokenRule::NoDigit)),
        PolicyRule::Special => is(|b| matches!(b, BrokenRule::NoSpecial)),
        PolicyRule::NoNames { .. } => is(|b| matches!(b, BrokenRule::HoldsName)),
        PolicyRule::Allowed(_) => is(|b| matches!(b, BrokenRule::CharacterNotAllowed(_))),
        PolicyRule::NoForbiddenWords
        | PolicyRule::NotGuessable
        | PolicyRule::NotLeaked
        | PolicyRule::History(_)
        | PolicyRule::MinAge(_) => None,
    }
}

fn account() -> Account {
    let at: Timestamp = "2026-11-01T08:00:00Z".parse().expect("a time");
    Account {
        guid: ObjectGuid::parse("03020100-0504-0706-0809-0a0b0c0d0e0f").expect("a GUID"),
        dn: "CN=x".into(),
        sid: crate::model::ad::sid::Sid::parse("S-1-5-21-1-2-3-1104").expect("a SID"),
        sam: "soeren7".into(),
        upn: Some("soae@skole.test".into()),
        display_name: Some("Søren \"Pølse\" Ærø-Lilian, O'Brien".into()),
        given_name: Some("Søren".into()),
        surname: Some("Ærø".into()),
        password: PasswordState { last_set_ticks: 1, last_set: Some(at), expiry: PasswordExpiry::Never },
        ..Account::unknown()
    }
}

/// Characters that two implementations easily classify differently, and parts of the names.
const PIECES: [&str; 62] = [
    "a",
    "B",
    "z",
    "Q",
    "7",
    "0",
    "1",
    "!",
    "-",
    " ",
    "æ",
    "Ø",
    "å",
    "Å",
    "ä",
    "ö",
    "Ü",
    "ß",
    "é",
    "e\u{301}",
    "A\u{30a}",
    "K",
    "ﬁ",
    "Ｋ",
    "Σ",
    "ς",
    "ǅ",
    "ª",
    "²",
    "½",
    "٣",
    "Ⅳ",
    "ⓐ",
    "中",
    "あ",
    "😀",
    "👩\u{200d}🔧",
    "\u{a0}",
    "\u{feff}",
    "\u{200b}",
    "\u{202e}",
    "\u{301}",
    "€",
    "£",
    "$",
    "@",
    "|",
    "l",
    "L",
    "İ",
    "ı",
    "søren",
    "SOEREN",
    "s0r3n",
    "$oren",
    "aeroe",
    "ÆRØ",
    "lllian",
    "p0lse",
    "Brien",
    "søæ",
    "soae",
];

/// The single pieces and 4,000 pseudo-random combinations of them, the same in every run.
fn passwords() -> Vec<String> {
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    let single = PIECES.iter().map(|piece| (*piece).to_owned());
    let mixed: Vec<String> = (0..4000).map(|_| (0..=next(14)).map(|_| PIECES[next(PIECES.len())]).collect()).collect();
    single.chain(mixed).collect()
}

#[test]
fn the_script_says_of_every_rule_what_the_policy_decides() {
    let everything = PasswordPolicy {
        min_length: 8,
        max_length: Some(12),
        complexity: true,
        letters: true,
        upper_and_lower: true,
        digits: true,
        special: true,
        no_names: true,
        forbidden_words: ["kommune".to_owned()].into(),
        min_guesses: 10_000_000_000,
        not_leaked: false,
        local_words: std::sync::Arc::default(),
        allowed: Some("aBzQ701!-æØåÅ😀".chars().collect()),
        history: 24,
        min_age: Some(jiff::SignedDuration::from_hours(24)),
    };
    let account = account();
    let now = "2026-11-23T08:00:00Z".parse().expect("a time");
    let words = Wording { language: Language::Da, now };
    let rules = everything.rules();
    let shown: Vec<_> = rules.iter().map(|rule| words.rule(rule, &account)).map(|shown| (shown.code, shown.value)).collect();
    let passwords = passwords();
    let said = judged_by_script(&passwords, &shown);
    assert_eq!(said.len(), passwords.len());
    let mut seen = std::collections::BTreeSet::new();
    for (password, said) in passwords.iter().zip(said) {
        let new = Password::parse(password.clone()).expect("a password");
        let broken = evaluate(&everything, Candidate { new: &new, current: None, account: &account, now });
        for (rule, said) in rules.iter().zip(said) {
            let right = match holds(rule, &broken) {
                Some(true) => "met",
                Some(false) => "unmet",
                None => "",
            };
            assert_eq!(said, right, "{password:?} {:?} and {rule:?}", password.escape_unicode().to_string());
            seen.insert((format!("{rule:?}"), right));
        }
    }
    let judged = rules.iter().filter(|rule| holds(rule, &[]).is_some()).count();
    assert_eq!(seen.len(), judged * 2 + (rules.len() - judged), "every rule was met and unmet: {seen:?}");
}
