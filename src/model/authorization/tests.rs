//! Tests of the decision against a table that was written by hand from the rules.

use std::collections::BTreeMap;

use crate::model::account::{PasswordExpiry, PasswordState};
use crate::model::authorization::*;

const NOW: &str = "2026-11-23T08:10:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

fn sid(text: &str) -> Sid {
    Sid::parse(text).expect("a SID")
}

fn domain(rid: u32) -> Sid {
    sid(&format!("S-1-5-21-1-2-3-{rid}"))
}

// RIDs of the groups.
const CIRCLE: u32 = 2001;
const OTHER_CIRCLE: u32 = 2002;
const ADMINS: u32 = 2003;
const MASTERS: u32 = 2004;
const BARRED: u32 = 2005;
const CLOSED: u32 = 2006;
const TEACHERS: u32 = 2007;
const PUPILS: u32 = 2008;
const DESK: u32 = 2009;
const SCHOOL_DESK: u32 = 2010;
const SETTING_DESK: u32 = 2011;
const OWN_PROTECTED: u32 = 2012;
const AUDITORS: u32 = 2013;

fn account(number: u32, unit: &str, groups: &[u32]) -> Account {
    Account {
        guid: uuid::Uuid::from_u128(number.into()).into(),
        dn: format!("CN=a{number},OU={unit},DC=kommune,DC=test"),
        sid: domain(number),
        sam: format!("a{number}"),
        password: PasswordState { last_set_ticks: 1, last_set: None, expiry: PasswordExpiry::Never },
        groups: groups.iter().map(|rid| domain(*rid)).chain([domain(513)]).collect(),
        ..Account::unknown()
    }
}

fn rules() -> AuthorizationPolicy {
    let group = |rid, name: &str| Group { sid: domain(rid), name: name.to_owned() };
    let desk = |id: &str, rid, scope, set_password| HelpdeskRule {
        id: id.to_owned(),
        group: Some(domain(rid)),
        local_accounts: id == "all",
        scope,
        set_password,
    };
    let school = AccountScope::Some { units: vec!["OU=Skole,DC=kommune,DC=test".to_owned()], groups: Vec::new() };
    let class = AccountScope::Some { units: Vec::new(), groups: vec![domain(PUPILS)] };
    AuthorizationPolicy {
        cannot_use: Ok(vec![domain(BARRED)]),
        closed_to_others: Ok(vec![domain(CLOSED)]),
        protected: Ok(vec![domain(OWN_PROTECTED)]),
        admins: Ok(vec![domain(ADMINS)]),
        master_admins: Ok(vec![domain(MASTERS)]),
        circles: vec![group(CIRCLE, "Kreds"), group(OTHER_CIRCLE, "Anden kreds")],
        codes: true,
        admins_give_codes: false,
        classes: vec![ClassRule { teachers: domain(TEACHERS), pupils: group(PUPILS, "Elever 3A") }],
        parents: AccountScope::Everybody,
        desks: vec![
            desk("all", DESK, AccountScope::Everybody, false),
            desk("school", SCHOOL_DESK, school, false),
            desk("setting", SETTING_DESK, class, true),
        ],
        auditors: vec![domain(AUDITORS)],
        staff_known: Ok(()),
        max_age: SignedDuration::from_mins(60),
    }
}

/// An actor by its name in the table.
fn actor(name: &str) -> Actor {
    let of = |groups: &[u32]| vec![account(1, "Ansatte", groups)];
    let plain = |accounts| Actor { accounts, linked: Vec::new(), helpdesk_role: false, level: AssuranceLevel::Substantial, at: now() };
    match name {
        "nobody" => plain(of(&[])),
        "parent" => plain(Vec::new()),
        "admin" => plain(of(&[ADMINS, CIRCLE])),
        "circle" => plain(of(&[CIRCLE])),
        "outside" => plain(of(&[ADMINS])),
        "master" => plain(of(&[MASTERS, CIRCLE])),
        "master-out" => plain(of(&[MASTERS, ADMINS])),
        "teacher" => plain(of(&[TEACHERS])),
        "desk" => plain(of(&[DESK])),
        "local" => Actor { helpdesk_role: true, ..plain(Vec::new()) },
        "school" => plain(of(&[SCHOOL_DESK])),
        "setting" => plain(of(&[SETTING_DESK])),
        "barred" => plain(of(&[ADMINS, CIRCLE, DESK, TEACHERS, BARRED])),
        "barred-2nd" => {
            plain(vec![account(1, "Ansatte", &[MASTERS, CIRCLE]), Account { disabled: true, ..account(2, "Ansatte", &[BARRED]) }])
        }
        "closed-acc" => plain(vec![Account { disabled: true, ..account(1, "Ansatte", &[MASTERS, ADMINS, CIRCLE, DESK, TEACHERS]) }]),
        "low" => Actor { level: AssuranceLevel::Low, ..plain(of(&[ADMINS, CIRCLE, TEACHERS])) },
        "old" => Actor { at: now() - SignedDuration::from_secs(3601), ..plain(of(&[ADMINS, CIRCLE])) },
        other => panic!("{other}"),
    }
}

/// A target by its name in the table, with the level that it demands. All but three are in the circle and in the class, and in the unit
/// `Skole`.
fn target(name: &str) -> (Account, AssuranceLevel) {
    let of = |more: &[u32]| account(100, "Skole", &[&[CIRCLE, PUPILS], more].concat());
    let usual = |account| (account, AssuranceLevel::Substantial);
    let also = |account: Account, sid| Account { groups: [account.groups, vec![sid]].concat(), ..account };
    match name {
        "plain" | "child" => usual(of(&[])),
        "disabled" => usual(Account { disabled: true, ..of(&[]) }),
        "expired" => usual(Account { expires: Some(now()), ..of(&[]) }),
        "closed" => usual(of(&[CLOSED])),
        "adminCnt" => usual(Account { admin_count: true, ..of(&[]) }),
        "domAdmin" => usual(of(&[512])),
        "operator" => usual(also(of(&[]), sid("S-1-5-32-548"))),
        "rid500" => usual(Account { sid: domain(500), ..of(&[]) }),
        "ownProt" => usual(of(&[OWN_PROTECTED])),
        "admin" => usual(of(&[ADMINS])),
        "master" => usual(of(&[MASTERS, ADMINS])),
        "helper" => usual(of(&[SCHOOL_DESK])),
        "teacher" => usual(of(&[TEACHERS])),
        "auditor" => usual(of(&[AUDITORS])),
        "high" => (of(&[]), AssuranceLevel::High),
        "barredCh" => usual(of(&[BARRED])),
        "other" => usual(account(101, "Ansatte", &[OTHER_CIRCLE])),
        "schoolOnly" => usual(account(102, "Skole", &[])),
        "self" => usual(account(1, "Ansatte", &[])),
        other => panic!("{other}"),
    }
}

/// Written by hand from the rules. The letters: `.` nothing, viewing neither; `s` view; `P` view, set a password, unlock; `C` view, unlock,
/// issue a code; `B` view, set a password, unlock, issue a code.
const TABLE: &str = "
actor       plain child disabled expired closed adminCnt domAdmin operator rid500 ownProt admin master high barredCh other schoolOnly self  helper teacher  auditor
nobody        .     .      .        .      .       .        .        .       .       .      .     .     .      .       .       .       P       .      .        .
circle        .     .      .        .      .       .        .        .       .       .      .     .     .      .       .       .       P       .      .        .
parent        .     P      .        .      .       .        .        .       .       .      .     .     .      .       .       .       .       .      .        .
admin         P     P      s        s      s       s        s        s       s       s      s     s     s      P       .       .       P       s      P        s
outside       .     .      .        .      .       .        .        .       .       .      .     .     .      .       .       .       P       .      .        .
master        P     P      s        s      s       s        s        s       s       s      P     s     s      P       .       .       P       P      P        P
master-out    .     .      .        .      .       .        .        .       .       .      .     .     .      .       .       .       P       .      .        .
teacher       P     P      s        s      s       s        s        s       s       s      s     s     s      P       .       .       P       s      s        s
desk          C     C      s        s      s       s        s        s       s       s      s     s     s      C       C       C       P       s      C        s
local         C     C      s        s      s       s        s        s       s       s      s     s     s      C       C       C       C       s      C        s
school        C     C      s        s      s       s        s        s       s       s      s     s     s      C       .       C       P       s      C        s
setting       B     B      s        s      s       s        s        s       s       s      s     s     s      B       .       .       P       s      B        s
barred        .     .      .        .      .       .        .        .       .       .      .     .     .      .       .       .       .       .      .        .
barred-2nd    .     .      .        .      .       .        .        .       .       .      .     .     .      .       .       .       .       .      .        .
closed-acc    .     .      .        .      .       .        .        .       .       .      .     .     .      .       .       .       P       .      .        .
low           s     s      s        s      s       s        s        s       s       s      s     s     s      s       .       .       s       s      s        s
old           s     s      s        s      s       s        s        s       s       s      s     s     s      s       .       .       s       s      s        s
";

fn allowed(letter: char, action: Action) -> bool {
    match (letter, action) {
        ('.', _)
        | ('s', Action::SetPassword | Action::Unlock | Action::IssueCode)
        | ('P', Action::IssueCode)
        | ('C', Action::SetPassword) => false,
        ('s' | 'P' | 'C' | 'B', Action::See | Action::SetPassword | Action::Unlock | Action::IssueCode) => true,
        (other, _) => panic!("{other}"),
    }
}

#[test]
fn every_combination_is_as_the_table_says() {
    let mut lines = TABLE.trim().lines();
    let targets: Vec<&str> = lines.next().expect("a heading").split_whitespace().skip(1).collect();
    let (rules, mut seen) = (rules(), 0);
    let mut wrong = Vec::new();
    for line in lines {
        let mut cells = line.split_whitespace();
        let name = cells.next().expect("an actor");
        let actor = actor(name);
        for (of, letter) in targets.iter().zip(cells.by_ref()) {
            let (account, needed) = target(of);
            let facts = Target { account: &account, needed, child: name == "parent" && *of == "child", teaches: Ok(*of == "teacher") };
            for action in Action::ALL {
                let judged = authorize(&rules, &actor, &facts, action, now());
                if judged.is_ok() != allowed(letter.chars().next().expect("a letter"), action) {
                    wrong.push(format!("{name} {action:?} {of}: {judged:?}"));
                }
                seen += 1;
            }
        }
        assert_eq!(cells.next(), None, "{name}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen >= 1000, "{seen}");
}

#[test]
fn each_refusal_has_its_own_reason() {
    let expected = BTreeMap::from([
        ("disabled", Denial::NotUsable),
        ("expired", Denial::NotUsable),
        ("closed", Denial::ClosedToOthers),
        ("adminCnt", Denial::Protected),
        ("domAdmin", Denial::Protected),
        ("operator", Denial::Protected),
        ("rid500", Denial::Protected),
        ("ownProt", Denial::Protected),
        ("admin", Denial::PasswordAdmin),
        ("master", Denial::MasterAdmin),
        ("helper", Denial::Helper),
        ("auditor", Denial::Auditor),
        ("high", Denial::TooWeak(AssuranceLevel::High)),
        ("other", Denial::NoRelation),
    ]);
    let rules = rules();
    for (name, denial) in expected {
        let (account, needed) = target(name);
        let facts = Target { account: &account, needed, child: false, teaches: Ok(false) };
        assert_eq!(authorize(&rules, &actor("admin"), &facts, Action::SetPassword, now()), Err(denial), "{name}");
    }
    let (account, needed) = target("plain");
    let facts = Target { account: &account, needed, child: false, teaches: Ok(false) };
    for (name, action, denial) in [
        ("low", Action::SetPassword, Denial::TooWeak(AssuranceLevel::Substantial)),
        ("old", Action::Unlock, Denial::LoginTooOld),
        ("desk", Action::SetPassword, Denial::NotThisAction),
        ("teacher", Action::IssueCode, Denial::NotThisAction),
        ("barred", Action::See, Denial::Barred),
        ("nobody", Action::See, Denial::NoRelation),
    ] {
        assert_eq!(authorize(&rules, &actor(name), &facts, action, now()), Err(denial), "{name}");
    }
}

#[test]
fn a_rule_that_cannot_be_read_forbids_everything_to_others_and_nothing_to_the_owner() {
    let (account, needed) = target("plain");
    let facts = Target { account: &account, needed, child: false, teaches: Ok(false) };
    let breaks: [fn(&mut AuthorizationPolicy); 5] = [
        |rules| rules.closed_to_others = Err(UnreadableRule),
        |rules| rules.protected = Err(UnreadableRule),
        |rules| rules.master_admins = Err(UnreadableRule),
        |rules| rules.admins = Err(UnreadableRule),
        |rules| rules.staff_known = Err(UnreadableRule),
    ];
    for (number, break_it) in breaks.into_iter().enumerate() {
        let mut rules = rules();
        break_it(&mut rules);
        let expected = if number == 3 { Denial::NoRelation } else { Denial::Unreadable };
        for (name, expected) in [("admin", expected), ("teacher", Denial::Unreadable), ("setting", Denial::Unreadable)] {
            assert_eq!(authorize(&rules, &actor(name), &facts, Action::SetPassword, now()), Err(expected), "{number} {name}");
        }
        let (own, needed) = target("self");
        let own = Target { account: &own, needed, child: false, teaches: Ok(false) };
        assert_eq!(authorize(&rules, &actor("nobody"), &own, Action::SetPassword, now()), Ok(Grant::Own));
    }
    let mut rules = rules();
    rules.cannot_use = Err(UnreadableRule);
    let (own, needed) = target("self");
    let own = Target { account: &own, needed, child: false, teaches: Ok(false) };
    assert_eq!(authorize(&rules, &actor("nobody"), &own, Action::SetPassword, now()), Err(Denial::Unreadable));
}

#[test]
fn parents_act_with_a_sure_login_on_a_child_that_may_use_the_service() {
    let rules = rules();
    let judge = |level, of: &str, needed| {
        let actor = Actor { level, ..actor("parent") };
        let (account, _) = target(of);
        authorize(
            &rules,
            &actor,
            &Target { account: &account, needed, child: true, teaches: Ok(of == "teacher") },
            Action::SetPassword,
            now(),
        )
    };
    assert_eq!(judge(AssuranceLevel::Substantial, "plain", AssuranceLevel::Low), Ok(Grant::Parent));
    assert_eq!(
        judge(AssuranceLevel::Low, "plain", AssuranceLevel::Low),
        Err(Denial::TooWeak(AssuranceLevel::Substantial)),
        "whatever the account needs"
    );
    assert_eq!(judge(AssuranceLevel::Substantial, "plain", AssuranceLevel::High), Err(Denial::TooWeak(AssuranceLevel::High)));
    for (of, denial) in [
        ("disabled", Denial::NotUsable),
        ("closed", Denial::ClosedToOthers),
        ("adminCnt", Denial::Protected),
        ("barredCh", Denial::ClosedToOthers),
        ("admin", Denial::PasswordAdmin),
        ("master", Denial::MasterAdmin),
        ("helper", Denial::Helper),
        ("auditor", Denial::Auditor),
        ("teacher", Denial::Teacher),
    ] {
        assert_eq!(judge(AssuranceLevel::High, of, AssuranceLevel::Low), Err(denial), "{of}");
    }
    // An account outside the guardians' scope, even if the child's.
    for (scope, judged) in [
        (AccountScope::Some { units: vec!["OU=Ansatte,DC=kommune,DC=test".to_owned()], groups: Vec::new() }, Err(Denial::NoRelation)),
        (AccountScope::Some { units: Vec::new(), groups: Vec::new() }, Err(Denial::NoRelation)),
        (AccountScope::Some { units: Vec::new(), groups: vec![domain(PUPILS)] }, Ok(Grant::Parent)),
        (AccountScope::Some { units: vec!["OU=Skole,DC=kommune,DC=test".to_owned()], groups: Vec::new() }, Ok(Grant::Parent)),
    ] {
        let rules = AuthorizationPolicy { parents: scope, ..rules.clone() };
        let (account, needed) = target("plain");
        let child = Target { account: &account, needed, child: true, teaches: Ok(false) };
        assert_eq!(authorize(&rules, &actor("parent"), &child, Action::SetPassword, now()), judged, "{:?}", rules.parents);
    }
}

/// An actor who is circle admin in one common circle and master admin in another acts as a master admin.
#[test]
fn what_only_a_master_may_is_logged_as_a_masters() {
    let rules = rules();
    let both = Actor {
        accounts: vec![account(1, "Ansatte", &[MASTERS, CIRCLE]), account(2, "Ansatte", &[ADMINS, OTHER_CIRCLE])],
        ..actor("admin")
    };
    for of in ["admin", "helper", "auditor"] {
        let (mut account, needed) = target(of);
        account.groups.push(domain(OTHER_CIRCLE));
        let facts = Target { account: &account, needed, child: false, teaches: Ok(false) };
        let ground = authorize(&rules, &both, &facts, Action::SetPassword, now()).expect("allowed");
        assert_eq!(ground.code(), "master_of_circle:Kreds", "{of}");
    }
}

#[test]
fn whoever_gives_the_ground_is_the_one_who_acted() {
    let rules = rules();
    let two = Actor { accounts: vec![account(1, "Ansatte", &[CIRCLE]), account(2, "Ansatte", &[ADMINS, CIRCLE])], ..actor("admin") };
    let (plain, needed) = target("plain");
    let facts = Target { account: &plain, needed, child: false, teaches: Ok(false) };
    let ground = authorize(&rules, &two, &facts, Action::SetPassword, now()).expect("allowed");
    assert_eq!(ground.code(), "circle:Kreds");
    let acted = acting_as(&rules, &two, &ground, plain.guid, now()).map(|account| account.sam.as_str());
    assert_eq!(acted, Some("a2"), "the one that is a password admin");
    let split = Actor { accounts: vec![account(1, "Ansatte", &[CIRCLE]), account(2, "Ansatte", &[ADMINS])], ..actor("admin") };
    assert_eq!(authorize(&rules, &split, &facts, Action::See, now()), Err(Denial::NoRelation), "one account has to be both");
}

/// An owner who is not known to teach may be a colleague.
#[test]
fn where_nobody_knows_who_teaches_neither_teachers_nor_parents_act() {
    let rules = rules();
    let (account, needed) = target("plain");
    for (name, child, judged) in [
        ("teacher", false, Err(Denial::Unreadable)),
        ("parent", true, Err(Denial::Unreadable)),
        ("admin", false, Ok("circle:Kreds".to_owned())),
    ] {
        let facts = Target { account: &account, needed, child, teaches: Err(UnreadableRule) };
        let decided = authorize(&rules, &actor(name), &facts, Action::SetPassword, now());
        assert_eq!(decided.map(|ground| ground.code()), judged, "{name}");
    }
}

#[test]
fn what_another_account_of_the_person_forbids_counts() {
    let rules = rules();
    let (plain, needed) = target("plain");
    let facts = Target { account: &plain, needed, child: false, teaches: Ok(false) };
    let linked = Actor { linked: vec![account(2, "Ansatte", &[BARRED])], ..actor("admin") };
    assert_eq!(authorize(&rules, &linked, &facts, Action::See, now()), Err(Denial::Barred));
    // Linked accounts give no permissions.
    let linked = Actor { linked: vec![account(2, "Ansatte", &[ADMINS, CIRCLE])], ..actor("nobody") };
    assert_eq!(authorize(&rules, &linked, &facts, Action::See, now()), Err(Denial::NoRelation));
}

#[test]
fn history_is_shown_to_whoever_could_act_if_the_account_were_usable() {
    let rules = rules();
    let sees = |who: &str, of: &str| {
        let (account, needed) = target(of);
        sees_history(&rules, &actor(who), &Target { account: &account, needed, child: false, teaches: Ok(of == "teacher") }, now())
    };
    for (who, of, expected) in [
        ("admin", "plain", true),
        ("admin", "disabled", true),
        ("desk", "plain", true),
        ("admin", "closed", false),
        ("admin", "adminCnt", false),
        ("admin", "admin", false),
        ("admin", "helper", false),
        ("admin", "auditor", false),
        ("admin", "master", false),
        ("master", "admin", true),
        ("master", "master", false),
        ("admin", "high", false),
        ("low", "plain", false),
        ("old", "plain", false),
        ("barred", "plain", false),
        ("admin", "other", false),
        ("nobody", "self", true),
    ] {
        assert_eq!(sees(who, of), expected, "{who} {of}");
    }
}

#[test]
fn the_family_service_matters_only_where_it_opens_something() {
    let rules = rules();
    let matters = |who: &str, of: &str, child| {
        let (account, needed) = target(of);
        parenthood_matters(&rules, &actor(who), &Target { account: &account, needed, child, teaches: Ok(false) }, now())
    };
    assert!(matters("parent", "plain", false) && matters("nobody", "plain", false), "nothing else makes it theirs");
    assert!(matters("desk", "plain", false), "a helpdesk that sets no passwords");
    assert!(!matters("admin", "plain", false) && !matters("teacher", "plain", false), "they may all that a parent may");
    assert!(!matters("parent", "plain", true), "it is known already");
    assert!(!matters("desk", "closed", false) && !matters("barred", "plain", false), "it would open nothing");
}

#[test]
fn a_code_is_void_for_whoever_is_barred_since() {
    let rules = rules();
    for (of, denial) in [
        ("plain", None),
        ("barredCh", Some(Denial::Barred)),
        ("disabled", Some(Denial::NotUsable)),
        ("closed", Some(Denial::ClosedToOthers)),
        ("adminCnt", Some(Denial::Protected)),
        ("master", Some(Denial::MasterAdmin)),
    ] {
        assert_eq!(code_forbidden(&rules, &target(of).0, now()), denial, "{of}");
    }
    let unread = AuthorizationPolicy { cannot_use: Err(UnreadableRule), ..rules };
    assert_eq!(code_forbidden(&unread, &target("plain").0, now()), Some(Denial::Unreadable));
}
