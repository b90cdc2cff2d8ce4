//! Searches in the log: every result equals that of a scan through all entries.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use os2nykode::{
    audit::{
        AuditLog,
        chain::sealer::ChainMemory,
        log::cpr::Vault,
        search::{Hits, Search, SearchError},
    },
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind, Party},
        cpr::Cpr,
        identity::provider::ProviderId,
    },
    store::{DerivedKeys, Store},
};
use uuid::Uuid;

use super::{
    log::{account, at, event},
    place::each_store,
};

const ENTRIES: u64 = 700;
const NAMES: [&str; 6] = ["Anne Ærø", "Anne Marie Ærø-Å", "100% _Ægte_! Jens", "Bo '; DROP TABLE audit; --", "Bo Bo", "Åse Ø"];
const CPRS: [&str; 3] = ["0101901234", "3112851234", "0107055678"];
const KINDS: [EventKind; 3] = [EventKind::SignIn, EventKind::ChangeOutcome, EventKind::AccountViewed];
const OUTCOMES: [AuditOutcome; 2] = [AuditOutcome::Succeeded, AuditOutcome::Refused];
const CLIENTS: [&str; 3] = ["192.0.2.1", "192.0.2.2", "2001:db8::1"];

/// Deterministic pseudorandom numbers (SplitMix64 by Steele and others).
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).expect("small")
    }

    fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn maybe<T>(&mut self, one_in: usize, some: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(one_in) == 0).then(|| some(self))
    }
}

fn cpr(text: &str) -> Cpr {
    Cpr::parse(text).expect("a number")
}

fn somebody(n: usize) -> Party {
    Party { guid: account(n as u128 + 1), account_name: format!("bruger{n}"), name: NAMES[n].to_owned() }
}

/// The clock is set back by an hour in the middle.
fn time(n: u64) -> Timestamp {
    at(i64::try_from(n * 60).expect("small") - if n > ENTRIES / 2 { 3600 } else { 0 })
}

fn any_event(draw: &mut Draw, n: u64) -> AuditEvent {
    AuditEvent {
        at: time(n),
        visit: Uuid::from_u128(draw.below(200) as u128 + 1),
        kind: draw.of(&KINDS),
        outcome: draw.of(&OUTCOMES),
        reason: String::new(),
        actor: draw.maybe(1, |draw| somebody(draw.below(NAMES.len()))),
        target: (draw.below(3) > 0).then(|| somebody(draw.below(NAMES.len()))),
        actor_cpr: draw.maybe(4, |draw| cpr(draw.of(&CPRS))),
        target_cpr: draw.maybe(4, |draw| cpr(draw.of(&CPRS))),
        client: Some(draw.of(&CLIENTS).parse().expect("an address")),
        provider: draw.maybe(2, |draw| ProviderId::parse(draw.of(&["os2faktor", "mitid"])).expect("an id")),
        attempt: None,
        ..event(0)
    }
}

fn any_search(draw: &mut Draw) -> Search {
    let name = |draw: &mut Draw| {
        let n = draw.below(NAMES.len());
        match draw.below(4) {
            0 => format!("BRUGER{n}"),
            1 => account(n as u128 + 1).to_string(),
            2 => NAMES[n].to_owned(),
            _ => draw.of(&["an", "ærø", "bo", "100%", "%", "_", "jens _ægte", "ingen"]).to_owned(),
        }
    };
    let when = |draw: &mut Draw| time(draw.below(usize::try_from(ENTRIES).expect("small")) as u64) + SignedDuration::from_secs(30);
    Search {
        about: draw.maybe(4, name),
        only: None,
        by: draw.maybe(4, name),
        cpr: draw.maybe(5, |draw| cpr(draw.of(&CPRS))),
        kind: draw.maybe(3, |draw| draw.of(&KINDS).code().to_owned()),
        outcome: draw.maybe(3, |draw| draw.of(&OUTCOMES).code().to_owned()),
        client: draw.maybe(5, |draw| draw.of(&CLIENTS).to_owned()),
        provider: draw.maybe(5, |draw| draw.of(&["os2faktor", "mitid", "ukendt"]).to_owned()),
        visit: draw.maybe(8, |draw| Uuid::from_u128(draw.below(200) as u128 + 1).to_string()),
        from: draw.maybe(4, when),
        until: draw.maybe(4, when),
        oldest_first: draw.below(2) == 0,
    }
}

/// Whether the text matches the person by the rule of the page's hint: account name, objectGUID or prefixes of the name's words.
fn is_meant(party: Option<&Party>, text: &str) -> bool {
    let Some(party) = party else { return false };
    let text = text.to_lowercase();
    let words: Vec<String> = party.name.to_lowercase().split(' ').map(str::to_owned).chain([party.account_name.clone()]).collect();
    party.guid.to_string() == text
        || party.account_name == text
        || (Uuid::try_parse(&text).is_err() && text.split(' ').all(|typed| words.iter().any(|word| word.starts_with(typed))))
}

fn fits(search: &Search, event: &AuditEvent) -> bool {
    let is = |asked: &Option<String>, value: Option<String>| asked.is_none() || *asked == value;
    let party = |asked: &Option<String>, party: &Option<Party>| asked.as_ref().is_none_or(|text| is_meant(party.as_ref(), text));
    party(&search.about, &event.target)
        && party(&search.by, &event.actor)
        && search.cpr.as_ref().is_none_or(|cpr| [&event.actor_cpr, &event.target_cpr].contains(&&Some(cpr.clone())))
        && is(&search.kind, Some(event.kind.code().to_owned()))
        && is(&search.outcome, Some(event.outcome.code().to_owned()))
        && is(&search.client, event.client.map(|client| client.to_string()))
        && is(&search.provider, event.provider.as_ref().map(ToString::to_string))
        && is(&search.visit, Some(event.visit.to_string()))
        && search.from.is_none_or(|from| event.at >= from)
        && search.until.is_none_or(|until| event.at < until)
}

fn searched(store: &Store) -> AuditLog {
    super::audit_log(store).with(Vault::new([&[9; 32]]), "kommune.test")
}

async fn sealed(log: &AuditLog, memory: &ChainMemory) {
    while log.seal(memory).await.expect("sealed").entries > 0 {}
}

async fn page(log: &AuditLog, search: &Search, after: Option<i64>) -> Hits {
    log.search(search, after).await.expect("read").expect("clear")
}

/// The entries of all pages.
async fn all(log: &AuditLog, search: &Search) -> Vec<i64> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let hits = page(log, search, after).await;
        assert!(hits.entries.len() <= 50);
        found.extend(hits.entries.iter().map(|entry| entry.sequence));
        after = hits.next;
        if after.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn any_search_finds_what_a_walk_through_everything_finds() {
    each_store(async |store, _| {
        let log = searched(&store);
        let mut draw = Draw(1);
        let mut events = Vec::new();
        for n in 0..ENTRIES {
            let event = any_event(&mut draw, n);
            events.push((log.append(&event).await.expect("appended"), event));
        }
        sealed(&log, &ChainMemory::default()).await;
        let (mut something, mut several_pages) = (0, 0);
        for _ in 0..400 {
            let search = any_search(&mut draw);
            let mut expected: Vec<i64> = events.iter().filter(|(_, event)| fits(&search, event)).map(|(seq, _)| *seq).collect();
            if !search.oldest_first {
                expected.reverse();
            }
            assert_eq!(all(&log, &search).await, expected, "{search:?}");
            something += usize::from(!expected.is_empty());
            several_pages += usize::from(expected.len() > 50);
        }
        assert!(something > 100 && several_pages > 40, "the searches are worth something: {something}, {several_pages}");
    })
    .await;
}

#[tokio::test]
async fn a_page_goes_on_where_the_one_before_ended_though_the_log_grows() {
    each_store(async |store, _| {
        let log = searched(&store);
        for n in 0..120 {
            log.append(&AuditEvent { at: time(n), attempt: None, kind: EventKind::SignIn, ..event(0) }).await.expect("appended");
        }
        let search = Search { kind: Some("sign_in".to_owned()), ..Search::default() };
        let first = page(&log, &search, None).await;
        log.append(&AuditEvent { attempt: None, kind: EventKind::SignIn, ..event(0) }).await.expect("appended");
        let second = page(&log, &search, first.next).await;
        let third = page(&log, &search, second.next).await;
        let numbers: Vec<i64> = [first, second, third].iter().flat_map(|hits| &hits.entries).map(|entry| entry.sequence).collect();
        assert_eq!((numbers.len(), numbers.iter().collect::<BTreeSet<_>>().len()), (120, 120), "none twice, none left out");
        assert!(numbers.is_sorted_by(|a, b| a > b));
    })
    .await;
}

#[tokio::test]
async fn a_name_of_too_many_is_no_answer_and_one_that_came_later_is_found() {
    each_store(async |store, place| {
        let log = searched(&store);
        let memory = ChainMemory::default();
        for n in 0..25 {
            let target = Party { guid: account(n + 100), account_name: format!("elev{n}"), name: "Ida Hansen".to_owned() };
            log.append(&AuditEvent { attempt: None, kind: EventKind::SignIn, target: Some(target), ..event(0) }).await.expect("appended");
        }
        let about = |text: &str| Search { about: Some(text.to_owned()), ..Search::default() };
        assert_eq!(page(&log, &about("elev7"), None).await.entries, [], "names are known when entries are sealed");
        sealed(&log, &memory).await;
        assert_eq!(log.search(&about("hansen"), None).await.expect("read"), Err(SearchError::TooManyPeople));
        assert_eq!(page(&log, &about("elev7"), None).await.entries.len(), 1);
        // Another instance's retention has removed a person, who appears again a month later.
        place.run("DELETE FROM audit_people").await.expect("forgotten");
        let target = Some(Party { guid: account(107), account_name: "elev7".to_owned(), name: "Ida Hansen".to_owned() });
        let later = AuditEvent { at: at(40 * 86_400), attempt: None, kind: EventKind::SignIn, target, ..event(0) };
        log.append(&later).await.expect("appended");
        sealed(&log, &memory).await;
        assert_eq!(page(&log, &about("elev7"), None).await.entries.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn each_entry_is_counted_once_whoever_seals_it() {
    each_store(async |store, place| {
        let log = searched(&store);
        let refused = |reason: &str| AuditEvent {
            kind: EventKind::ChangeOutcome,
            outcome: AuditOutcome::Refused,
            reason: reason.to_owned(),
            attempt: None,
            ..event(0)
        };
        let mut appended = Vec::new();
        for n in 0..600 {
            let reason = if n % 3 == 0 { "too_young" } else { "too_short" };
            appended.push(log.append(&AuditEvent { at: time(n % 130), ..refused(reason) }).await.expect("appended"));
        }
        let other = AuditLog::new(&place.open().await, &DerivedKeys::new(&[1; 32]));
        let (one, two) = (ChainMemory::default(), ChainMemory::default());
        tokio::join!(sealed(&log, &one), sealed(&other, &two));
        sealed(&log, &one).await;
        let reasons = log.refusals_since(at(0)).await.expect("read");
        assert_eq!(reasons, [("too_short".to_owned(), 400), ("too_young".to_owned(), 200)]);
        let counts = log.counts_since(at(0), &[EventKind::ChangeOutcome, EventKind::SignIn]).await.expect("read");
        assert_eq!(counts.iter().map(|(_, _, _, many)| many).sum::<i64>(), 600);
        assert_eq!(counts.iter().map(|(hour, _, _, _)| hour).collect::<BTreeSet<_>>().len(), 3, "two hours and ten minutes");
        assert_eq!(log.forget_hours(at(2 * 3600)).await.expect("forgotten"), 4, "two hours with two reasons");
        assert_eq!(appended.len(), 600);
    })
    .await;
}

/// An entry that was inserted beside the service does not hide the others.
#[tokio::test]
async fn an_entry_that_cannot_be_read_is_passed_over() {
    each_store(async |store, place| {
        let log = searched(&store);
        for n in 0..60 {
            log.append(&AuditEvent { at: time(n), attempt: None, kind: EventKind::SignIn, ..event(0) }).await.expect("appended");
            if n % 2 == 0 {
                let forged =
                    "INSERT INTO audit (at, visit, kind, outcome, reason) VALUES (1800000000000000, 'x', 'sign_in', 'succeeded', '')";
                place.run(forged).await.expect("forged");
            }
        }
        let search = Search { kind: Some("sign_in".to_owned()), ..Search::default() };
        assert_eq!(all(&log, &search).await.len(), 60);
    })
    .await;
}

#[tokio::test]
async fn a_search_waits_for_nobody_who_writes() {
    each_store(async |store, place| {
        let log = searched(&store);
        log.append(&event(1)).await.expect("appended");
        let mut writer = place.intruder().await;
        let begin = if place.sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" };
        let hold = if place.sqlite { "DELETE FROM sessions" } else { "LOCK TABLE audit IN EXCLUSIVE MODE" };
        for statement in [begin, hold] {
            sqlx::query(statement).execute(&mut writer).await.expect("held");
        }
        let append = tokio::spawn({
            let log = log.clone();
            async move { log.append(&event(2)).await }
        });
        assert_eq!(page(&log, &Search::default(), None).await.entries.len(), 1);
        assert!(!append.is_finished(), "who writes waits");
        sqlx::query("ROLLBACK").execute(&mut writer).await.expect("released");
        append.await.expect("run").expect("appended");
    })
    .await;
}
