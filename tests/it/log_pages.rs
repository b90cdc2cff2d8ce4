//! Pages of the audit log: permissions, search results, and the entries about searches.

use os2nykode::model::identity::level::AssuranceLevel;

use crate::{
    environment::unique,
    others::{Town, set_for},
    people::{Admin, Person},
    provider_reset::{guid, os2faktor, visitor},
    service::Setup,
    visitor::{Page, Visitor},
};

const NEW: &str = "Blå-Sejlbåd-4711";
const CPR_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A town with auditors, a helpdesk for one unit, and a key for CPR numbers.
pub struct Archive {
    pub town: Town,
    pub auditors: String,
    unit: String,
    school_desk: String,
    _key: tempfile::NamedTempFile,
}

impl Archive {
    pub async fn new() -> Self {
        let name = unique("arkiv");
        let mut admin = Admin::new().await;
        let (auditors, school_desk) = (admin.group(&format!("Aud {name}")).await, admin.group(&format!("Skole {name}")).await);
        let unit = admin.unit(&format!("Enhed {name}")).await;
        let key = tempfile::NamedTempFile::new().expect("a file");
        crate::service::write_private(key.path(), CPR_KEY).expect("written");
        let more = format!(
            "[[delegation.helpdesk]]\nid = \"skole\"\nname = {{ da = \"Skoledesken\", en = \"School\" }}\ngroup = \"Skole {name}\"\nunits = [\"{unit}\"]\n\
             [audit]\nauditors = [\"{auditors}\"]\ncpr_key_files = [\"{}\"]\n",
            key.path().display()
        );
        let town = Town::with(&more, Setup::default()).await;
        Self { town, auditors, unit, school_desk, _key: key }
    }

    async fn browser(&self, person: &Person) -> Visitor {
        visitor(&self.town.service, &self.town.login(person)).await
    }

    /// A circle admin resets a member's password. Returns both.
    pub async fn reset(&self) -> (Person, Person) {
        let (admin, member) =
            (self.town.person(&[&self.town.admins, &self.town.circle]).await, self.town.person(&[&self.town.circle]).await);
        set_for(&self.browser(&admin).await, guid(&member).await, NEW, false).await.says("Adgangskoden er sat");
        self.sealed().await;
        (admin, member)
    }

    /// Seals the entries, because a search by name finds sealed entries only.
    async fn sealed(&self) {
        let app = &self.town.service.app;
        os2nykode::jobs::seal::seal_waiting(app).await.expect("sealed");
    }

    async fn rows(&self, query: &'static str) -> Vec<(String, Option<String>)> {
        let pool =
            sqlx::AnyPool::connect(&format!("sqlite://{}/os2nykode.db", self.town.service.dir.path().display())).await.expect("open");
        let rows = sqlx::query_as(query).fetch_all(&pool).await.expect("read");
        pool.close().await;
        rows
    }
}

async fn search(browser: &Visitor, fields: &[(&str, &str)]) -> Page {
    let token = browser.get("/audit").await.token();
    browser.post("/audit", &[&[("csrf", token.as_str())], fields].concat()).await
}

fn entries(page: &Page) -> usize {
    page.html.matches("<a href=\"/audit/entries/").count()
}

/// Path of the first entry on a page.
fn first(page: &Page) -> String {
    page.html
        .split("href=\"")
        .filter_map(|rest| rest.split('"').next())
        .find(|path| path.starts_with("/audit/entries/"))
        .expect("an entry")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_finds_who_did_what_and_that_is_in_the_log_too() {
    let archive = Archive::new().await;
    let (admin, member) = archive.reset().await;
    let auditor = archive.browser(&archive.town.person(&[&archive.auditors]).await).await;
    auditor.get("/delegation").await.says("Log");
    let found = search(&auditor, &[("about", &member.sam), ("kind", "reset_outcome")]).await;
    assert_eq!((found.path.as_str(), entries(&found)), ("/audit", 1), "{}", found.text);
    found.says("Nulstilling af adgangskode");
    found.says(&admin.sam);
    // By actor, objectGUID, prefix of a name, outcome and address.
    for fields in [
        vec![("by", admin.sam.to_uppercase()), ("outcome", "succeeded".into()), ("kind", "reset_outcome".into())],
        vec![("about", guid(&member).await.to_string()), ("kind", "reset_outcome".into()), ("client", "127.0.0.1".into())],
        vec![("about", member.sam.clone()), ("kind", "reset_outcome".into()), ("provider", "os2faktor".into()), ("order", "oldest".into())],
    ] {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(entries(&search(&auditor, &fields).await), 1, "{fields:?}");
    }
    for fields in [
        vec![("about", "%"), ("kind", "")],
        vec![("about", "_____"), ("kind", "")],
        vec![("client", "203.0.113.9")],
        vec![("about", member.sam.as_str()), ("until", "2020-01-01")],
        vec![("from", "2999-01-01")],
        vec![("about", "'; DROP TABLE audit; --")],
    ] {
        search(&auditor, &fields).await.says("Ingen poster passer");
    }
    let wrong = search(&auditor, &[("cpr", "1234"), ("client", "x"), ("from", "i går")]).await;
    assert_eq!(wrong.status, 422);
    for text in ["ti cifre", "Skriv en IP-adresse", "Skriv en dato"] {
        wrong.says(text);
    }
    let page = auditor.get(&first(&found)).await;
    for text in [admin.sam.as_str(), &member.sam, &format!("circle:Kreds {}", archive.town.name), "os2faktor", "Hele besøget"] {
        page.says(text);
    }
    let visit = page.html.split("/audit/visits/").nth(1).and_then(|rest| rest.split('"').next()).expect("a visit");
    let story = auditor.get(&format!("/audit/visits/{visit}")).await;
    story.says("Nulstilling begyndt");
    assert!(story.text.find("Nulstilling begyndt") < story.text.find("Nulstilling af adgangskode"), "as it happened");
    auditor.get(&format!("/audit/accounts/{}", guid(&member).await)).await.says("Nulstilling af adgangskode");
    let overview = auditor.get("/audit/overview").await;
    overview.says("Adgangskoder sat");
    assert!(overview.html.contains("<svg") && overview.html.contains("<table"));
    let token = overview.token();
    let file = auditor.send("/audit/export", &[("csrf", &token), ("from", ""), ("to", ""), ("format", "csv")]).await;
    assert_eq!(file.headers()["content-disposition"], "attachment; filename=\"audit.csv\"");
    let table = file.text().await.expect("a table");
    assert!(table.contains(&member.sam) && table.contains("reset_outcome"), "{table}");
    let sealed = auditor.send("/audit/export", &[("csrf", &token), ("format", "jsonl")]).await.text().await.expect("lines");
    assert!(sealed.lines().all(|line| line.starts_with('{')) && sealed.contains("\"chain\""), "{sealed}");
    assert_eq!(auditor.send("/audit/export", &[("csrf", &token), ("from", "x"), ("format", "csv")]).await.status(), 400);
    let exports = archive.rows("SELECT authority, note FROM audit WHERE kind = 'log_exported' ORDER BY seq").await;
    assert_eq!(exports.iter().map(|(by, _)| by.as_str()).collect::<Vec<_>>(), ["auditor", "auditor"]);
    let seen = archive.rows("SELECT reason, note FROM audit WHERE kind = 'audit_log_viewed' AND authority = 'auditor' ORDER BY seq").await;
    let notes: Vec<_> = seen.iter().filter_map(|(_, note)| note.as_deref()).collect();
    assert!(notes[0].starts_with(&format!("about={} kind=reset_outcome", member.sam)), "{notes:?}");
    assert!(notes.contains(&"overview") && notes.iter().any(|note| note.starts_with("seq=")), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_reads_the_log_and_an_auditor_no_more_than_the_group_allows() {
    let archive = Archive::new().await;
    let (admin, member) = archive.reset().await;
    let auditor = archive.town.person(&[&archive.auditors]).await;
    let browser = archive.browser(&auditor).await;
    let entry = first(&search(&browser, &[("about", &member.sam)]).await);
    let visit = "/audit/visits/00000000-0000-0000-0000-000000000001";
    for person in [&admin, &member] {
        let other = archive.browser(person).await;
        for path in ["/audit", "/audit/overview", entry.as_str(), visit] {
            assert_eq!(other.get(path).await.status, 404, "{path}");
        }
        let page = other.get("/delegation").await;
        let token = crate::page_check::attribute(&page.html, "input[name=csrf]", "value").expect("the logout's form");
        assert_eq!(other.post("/audit", &[("csrf", &token), ("about", &member.sam)]).await.status, 404);
        assert_eq!(other.post(&format!("{entry}/cpr/actor"), &[("csrf", &token)]).await.status, 404);
        assert_eq!(other.post("/audit/export", &[("csrf", &token), ("format", "csv")]).await.status, 404);
    }
    assert!(archive.town.service.visitor().get("/audit").await.path.starts_with("/?"));
    let weak = visitor(&archive.town.service, &os2faktor(&archive.town.service, &auditor, AssuranceLevel::Low)).await;
    assert_eq!(weak.get("/audit").await.status, 403);
    // The permission ends, even for an open page.
    Admin::new().await.remove(&archive.auditors, "member", &auditor.dn).await;
    assert_eq!(browser.get(&entry).await.status, 404);
    assert_eq!(browser.get("/audit").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_the_log_is_shown_to_whoever_reads_some_of_it_and_to_nobody_else() {
    let archive = Archive::new().await;
    let town = &archive.town;
    for (groups, theirs) in [
        (vec![&archive.auditors], true),
        (vec![&town.desk], true),
        (vec![&archive.school_desk], true),
        (vec![&town.masters, &town.circle], false),
        (vec![&town.admins, &town.circle], false),
        (vec![&town.circle], false),
    ] {
        let groups: Vec<&str> = groups.into_iter().map(String::as_str).collect();
        let browser = archive.browser(&town.person(&groups).await).await;
        let others = browser.get("/delegation").await;
        assert_eq!(others.status, 200);
        assert_eq!(others.html.contains("href=\"/audit\""), theirs, "{groups:?}");
        assert_eq!(browser.get("/audit").await.status, if theirs { 200 } else { 404 }, "{groups:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helpdesk_sees_what_is_about_the_accounts_that_it_helps_by_number_too() {
    let archive = Archive::new().await;
    let mut admin = Admin::new().await;
    let inside = archive.town.person(&[&archive.town.circle]).await;
    let inside_dn = format!("CN={},{}", inside.sam, archive.unit);
    admin.rename(&inside.dn, &inside.sam, Some(&archive.unit)).await;
    let password_admin = archive.town.person(&[&archive.town.admins, &archive.town.circle]).await;
    let outside = archive.town.person(&[&archive.town.circle]).await;
    let acting = archive.browser(&password_admin).await;
    for person in [&inside, &outside] {
        set_for(&acting, guid(person).await, NEW, false).await.says("Adgangskoden er sat");
    }
    archive.sealed().await;
    let helper = archive.browser(&archive.town.person(&[&archive.school_desk]).await).await;
    helper.get("/audit").await.says("Du ser poster om de konti");
    let all = search(&helper, &[("kind", "reset_outcome")]).await;
    assert_eq!(entries(&all), 1, "{}", all.text);
    all.says(&inside.sam);
    assert!(!all.text.contains(&outside.sam));
    // A person outside the helpdesk's scope looks the same as an unknown person.
    let unknown = search(&helper, &[("about", "findes-ikke")]).await;
    for (text, kind) in [(outside.sam.clone(), ""), (guid(&outside).await.to_string(), "reset_outcome")] {
        let hidden = search(&helper, &[("about", &text), ("kind", kind)]).await;
        hidden.says("Ingen poster passer");
        assert_eq!(hidden.text.matches("Søg videre").count(), unknown.text.matches("Søg videre").count(), "{}", hidden.text);
        assert!(hidden.text.contains("Ingen poster passer") && !hidden.text.contains("længere væk"), "{}", hidden.text);
    }
    let auditor = archive.browser(&archive.town.person(&[&archive.auditors]).await).await;
    let theirs = first(&search(&auditor, &[("about", &inside.sam), ("kind", "reset_outcome")]).await);
    let not_theirs = first(&search(&auditor, &[("about", &outside.sam), ("kind", "reset_outcome")]).await);
    assert_eq!(helper.get(&theirs).await.status, 200);
    assert_eq!(helper.get(&not_theirs).await.status, 404);
    // An auditor's reading is not visible to the helpdesk.
    auditor.get(&theirs).await.says(&inside.sam);
    archive.sealed().await;
    let looked = search(&auditor, &[("about", &inside.sam), ("kind", "audit_log_viewed")]).await;
    assert!(entries(&looked) > 0, "{}", looked.text);
    assert_eq!(entries(&search(&helper, &[("about", &inside.sam), ("kind", "audit_log_viewed")]).await), 0);
    assert_eq!(helper.get(&first(&looked)).await.status, 404);
    assert_eq!(helper.get("/audit/overview").await.status, 404);
    // After the move out of the unit, the account is outside the helpdesk's scope.
    admin.rename(&inside_dn, &inside.sam, Some(crate::environment::environment().fact("PEOPLE_OU"))).await;
    assert_eq!(helper.get(&theirs).await.status, 404);
}

/// A helpdesk with unlimited scope, and an entry about each account that is excluded from it.
#[tokio::test(flavor = "multi_thread")]
async fn a_helpdesk_for_everybody_reads_about_nobody_whom_it_could_not_help() {
    let archive = Archive::new().await;
    let town = &archive.town;
    let mut admin = Admin::new().await;
    let (helper, plain) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    let mut people = vec![helper.clone(), plain.clone()];
    for groups in [&town.closed, &town.protected, &town.masters, &town.admins, &town.desk, &archive.auditors] {
        people.push(town.person(&[groups]).await);
    }
    let disabled = town.person(&[]).await;
    admin.replace(&disabled.dn, "userAccountControl", "514").await;
    people.push(disabled.clone());
    let mut entries_of = Vec::new();
    for person in &people {
        let event = os2nykode::model::audit::AuditEvent {
            target: Some(os2nykode::model::audit::Party {
                guid: guid(person).await,
                account_name: person.sam.clone(),
                name: String::new(),
            }),
            ..crate::siem::event(
                &*town.service.clock,
                os2nykode::model::audit::EventKind::SignIn,
                os2nykode::model::audit::AuditOutcome::Succeeded,
                None,
                None,
            )
        };
        entries_of.push(town.service.app.audit.append(&event).await.expect("appended"));
    }
    archive.sealed().await;
    let browser = archive.browser(&helper).await;
    let mut read = Vec::new();
    for (person, entry) in people.iter().zip(entries_of) {
        if browser.get(&format!("/audit/entries/{entry}")).await.status == 200 {
            read.push(person.sam.clone());
        }
    }
    assert_eq!(read, [plain.sam, disabled.sam], "of an account that can't be used a caller has to be told why");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cpr_number_is_found_hidden_and_shown_on_an_auditors_word_only() {
    let archive = Archive::new().await;
    let service = &archive.town.service;
    let number = crate::provider_reset::cpr();
    let citizen = crate::provider_reset::login(
        service,
        "mitid",
        crate::provider_reset::claim(os2nykode::model::identity::claim::ClaimKind::Cpr, &number),
        AssuranceLevel::Substantial,
    );
    // A login by CPR number is refused for another person's account.
    let stranger = archive.town.person(&[]).await;
    crate::provider_reset::reset(service, &citizen, guid(&stranger).await, NEW).await;
    archive.sealed().await;
    let auditor = archive.browser(&archive.town.person(&[&archive.auditors]).await).await;
    let found = search(&auditor, &[("cpr", &number)]).await;
    assert_eq!(entries(&found), 1, "{}", found.text);
    let dashed = format!("{}-{}", &number[..6], &number[6..]);
    for page in [&found, &auditor.get(&first(&found)).await] {
        assert!(!page.html.contains(&number) && !page.html.contains(&dashed), "{}", page.html);
    }
    found.says(&format!("CPR-nummer: {}-••••", &number[..6]));
    let entry = first(&found);
    auditor.get(&entry).await.says("Gemt krypteret");
    let token = auditor.get(&entry).await.token();
    assert_eq!(search(&auditor, &[("cpr", "0101019999")]).await.status, 200);
    let before = archive.rows("SELECT outcome, note FROM audit WHERE kind = 'cpr_revealed'").await;
    assert_eq!(before, []);
    let response = auditor.send(&format!("{entry}/cpr/actor"), &[("csrf", &token)]).await;
    let shown = response.text().await.expect("a page");
    assert!(shown.contains(&dashed), "{shown}");
    assert_eq!(archive.rows("SELECT outcome, note FROM audit WHERE kind = 'cpr_revealed'").await.len(), 1);
    let told = archive.rows("SELECT kind, note FROM audit WHERE note LIKE '%cpr%' ORDER BY seq").await;
    assert_eq!(told[0].1.as_deref(), Some("cpr"), "that one was searched for, and not which");
    for file in ["os2nykode.db", "os2nykode.db-wal"] {
        let bytes = std::fs::read(service.dir.path().join(file)).unwrap_or_default();
        for secret in [&number, &dashed] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "it is not in {file}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_kept_searches_are_their_owners_and_cannot_be_forged() {
    let archive = Archive::new().await;
    let (_, member) = archive.reset().await;
    let app = &archive.town.service.app;
    let entry =
        archive.town.service.app.audit.search(&os2nykode::audit::search::Search::default(), None).await.expect("read").expect("clear");
    let event = entry.entries[0].event.clone();
    for _ in 0..60 {
        app.audit
            .append(&os2nykode::model::audit::AuditEvent { kind: os2nykode::model::audit::EventKind::SignOut, ..event.clone() })
            .await
            .expect("appended");
    }
    let (one, other) = (archive.town.person(&[&archive.auditors]).await, archive.town.person(&[&archive.auditors]).await);
    let (one, other) = (archive.browser(&one).await, archive.browser(&other).await);
    let page = search(&one, &[("kind", "sign_out")]).await;
    assert_eq!(entries(&page), 50, "{}", page.text);
    let more = crate::page_check::attribute(&page.html, "input[name=more]", "value").expect("more");
    let token = page.token();
    let second = one.post("/audit", &[("csrf", &token), ("more", &more)]).await;
    assert_eq!(entries(&second), 10, "{}", second.text);
    // Another user's cursor, and a modified one.
    let theirs = other.get("/audit").await.token();
    let stolen = other.post("/audit", &[("csrf", &theirs), ("more", &more)]).await;
    assert_eq!(stolen.status, 422);
    stolen.says("ikke din");
    let mut changed = more.into_bytes();
    changed[20] = if changed[20] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).expect("text");
    assert_eq!(one.post("/audit", &[("csrf", &token), ("more", &changed)]).await.status, 422);
    // A saved search belongs to its owner, who alone can run and delete it.
    let found = search(&one, &[("about", &member.sam)]).await;
    let sealed = crate::page_check::attribute(&found.html, "input[name=search]", "value").expect("the search");
    one.post("/audit/saved-searches", &[("csrf", &token), ("name", "Min <b>søgning</b> 010190-1234"), ("search", &sealed)])
        .await
        .says("Min <b>søgning</b> 010190-••••");
    assert!(!other.get("/audit").await.text.contains("søgning"));
    let kept = one.get("/audit").await;
    let id = kept.html.split("/audit/saved-searches/").nth(1).and_then(|rest| rest.split('"').next()).expect("an id").to_owned();
    other.post(&format!("/audit/saved-searches/{id}"), &[("csrf", &theirs)]).await;
    let kept = one.get("/audit").await;
    kept.says("Min <b>søgning</b>");
    let run = crate::page_check::attribute(&kept.html, "input[name=more]", "value").expect("a kept search");
    let ran = one.post("/audit", &[("csrf", &token), ("more", &run)]).await;
    assert!(entries(&ran) > 0);
    // The page shows the criteria and fills them into the form.
    ran.says(&format!("det handler om: {}", member.sam));
    assert_eq!(crate::page_check::attribute(&ran.html, "#about", "value").as_deref(), Some(member.sam.as_str()));
    let days = search(&one, &[("from", "2026-01-02"), ("until", "2026-03-29")]).await;
    days.says("Fra dato: 2. januar 2026 · Til og med dato: 29. marts 2026");
    for (field, day) in [("#from", "2026-01-02"), ("#until", "2026-03-29")] {
        assert_eq!(crate::page_check::attribute(&days.html, field, "value").as_deref(), Some(day));
    }
    one.post(&format!("/audit/saved-searches/{id}"), &[("csrf", &token)]).await;
    assert!(!one.get("/audit").await.text.contains("søgning"));
}

/// Between a helpdesk's entries are many about other people. The search passes over them and shows nothing of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_helpdesk_gets_past_what_is_not_for_it_in_bounded_steps() {
    let archive = Archive::new().await;
    let mut admin = Admin::new().await;
    let inside = archive.town.person(&[&archive.town.circle]).await;
    admin.rename(&inside.dn, &inside.sam, Some(&archive.unit)).await;
    let outside = archive.town.person(&[&archive.town.circle]).await;
    let acting = archive.browser(&archive.town.person(&[&archive.town.admins, &archive.town.circle]).await).await;
    set_for(&acting, guid(&inside).await, NEW, false).await.says("Adgangskoden er sat");
    set_for(&acting, guid(&outside).await, NEW, false).await.says("Adgangskoden er sat");
    let log = &archive.town.service.app.audit;
    let about = |who: String| os2nykode::audit::search::Search { about: Some(who), ..Default::default() };
    let one = log.search(&about(guid(&outside).await.to_string()), None).await.expect("read").expect("clear").entries[0].event.clone();
    // A quarter of the entries are about deleted people, the rest about one existing person.
    for n in 0..600_u128 {
        let mut event = os2nykode::model::audit::AuditEvent { kind: os2nykode::model::audit::EventKind::SignIn, ..one.clone() };
        if let Some(target) = event.target.as_mut().filter(|_| n % 4 == 0) {
            target.guid = uuid::Uuid::from_u128(n + 1).into();
        }
        (event.attempt, event.actor) = (None, event.target.clone());
        log.append(&event).await.expect("appended");
    }
    archive.sealed().await;
    let helper = archive.browser(&archive.town.person(&[&archive.school_desk]).await).await;
    let mut page = search(&helper, &[("client", "127.0.0.1")]).await;
    let (mut pages, mut seen) = (1, entries(&page));
    while let Some(more) = crate::page_check::attribute(&page.html, "form:not([class]) input[name=more]", "value") {
        assert!(entries(&page) == 50 || page.text.contains("længere væk"), "{}", page.text);
        page = helper.post("/audit", &[("csrf", &page.token()), ("more", &more)]).await;
        (pages, seen) = (pages + 1, seen + entries(&page));
        assert!(pages < 20, "it comes to an end");
        assert!(!page.text.contains(&outside.sam));
    }
    assert!(pages >= 3, "no more than 60 accounts a page: {pages}");
    assert!(seen >= 1, "and the own entry is found behind all those");
    assert!(entries(&search(&helper, &[("about", &inside.sam), ("kind", "reset_outcome")]).await) == 1);
}

/// User agents and names are shown as text.
#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_wrote_into_the_log_is_text_on_its_pages() {
    let archive = Archive::new().await;
    let service = &archive.town.service;
    let bad = "\"><script>alert(1)</script>\u{9}=1+1";
    let visitor = service.visitor();
    let token = visitor.get("/login").await.token();
    let form = [("csrf", token.as_str()), ("name", "ukendt-æøå"), ("password", "Forkert-Kode-1")];
    let request =
        visitor.request(reqwest::Method::POST, "/login").header("sec-fetch-site", "same-origin").header("user-agent", bad).form(&form);
    assert_eq!(request.send().await.expect("an answer").status(), 422);
    let huge = visitor.request(reqwest::Method::GET, "/login").header("user-agent", "x".repeat(1_000_000)).send().await;
    assert!(huge.map_or(true, |answer| answer.status().is_client_error()), "a megabyte is no name of a browser");
    archive.sealed().await;
    let auditor = archive.browser(&archive.town.person(&[&archive.auditors]).await).await;
    let found = search(&auditor, &[("kind", "sign_in"), ("outcome", "refused")]).await;
    let page = auditor.get(&first(&found)).await;
    page.says("<script>alert(1)</script>\u{FFFD}=1+1");
    assert!(!page.html.contains("<script>alert") && !page.text.contains("ukendt-æøå"), "{}", page.html);
}

/// Regression: 251 guesses in 6.7 seconds revealed a CPR number.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_auditors_learns_a_cpr_number_by_guessing() {
    let archive = Archive::new().await;
    let (_, member) = archive.reset().await;
    let number = crate::provider_reset::cpr();
    Admin::new().await.replace(&member.dn, "employeeNumber", &number).await;
    let helper = archive.browser(&archive.town.person(&[&archive.town.desk]).await).await;
    let form = helper.get("/audit").await;
    assert!(!form.html.contains("name=\"cpr\""), "{}", form.html);
    let mut told = std::collections::BTreeSet::new();
    for (guess, about) in [(number.as_str(), member.sam.as_str()), ("0101019999", &member.sam), (&number, ""), ("0101019999", "")] {
        let page = search(&helper, &[("cpr", guess), ("about", about), ("kind", "reset_outcome")]).await;
        assert_eq!(page.status, 403);
        told.insert(page.text);
    }
    assert_eq!(told.len(), 1, "right or wrong: {told:#?}");
    let logged = archive.rows("SELECT outcome, note FROM audit WHERE kind = 'audit_log_viewed' AND outcome = 'refused'").await;
    assert_eq!(logged.len(), 4);
    assert!(logged.iter().all(|(_, note)| note.as_deref().is_some_and(|note| !note.contains(&number))), "{logged:?}");
    let auditor = archive.browser(&archive.town.person(&[&archive.auditors]).await).await;
    assert!(auditor.get("/audit").await.html.contains("name=\"cpr\""));
}
