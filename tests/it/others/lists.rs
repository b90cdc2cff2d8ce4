//! Lists of members, and searches in them.

use super::*;

/// Path of the only list that the actor has.
async fn only_list(browser: &Visitor) -> String {
    let page = browser.get("/delegation").await;
    let mut all = page.html.split("href=\"").filter_map(|rest| rest.split('"').next()).filter(|path| path.starts_with("/delegation/"));
    let path = all.next().expect("a list").to_owned();
    assert_eq!(all.next(), None);
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_comes_in_pages_and_a_search_finds_by_the_beginning_of_a_name() {
    let town = Town::new("").await;
    let acting = town.person(&[&town.admins, &town.circle]).await;
    let mut admin = Admin::new().await;
    let mut last = String::new();
    for n in 0..60 {
        let sam = format!("{}{n:02}", unique("l"));
        let member = admin.person_named(&sam, &format!("Elev{n:02}"), "Ærøskøbing").await;
        admin.add_to_group(&town.circle, &member.dn).await;
        last = sam;
    }
    let browser = town.browser(&acting).await;
    let path = only_list(&browser).await;
    let first = browser.get(&path).await;
    first.says("Her er 61.");
    first.says("Side 1 af 2");
    assert_eq!(first.html.matches("/delegation/accounts/").count(), 50);
    let second = browser.get(&format!("{path}?page=2")).await;
    second.says("Side 2 af 2");
    assert_eq!(second.html.matches("/delegation/accounts/").count(), 11);
    for query in ["Elev59", "elev59 ærø", last.as_str(), "Elev59 Ærøskøbing"] {
        let found = search(&browser, &path, query).await;
        found.says("1 fundet.");
        found.says(&last);
    }
    search(&browser, &path, "Ærøsk").await.says("Her er 50, men der er flere");
    search(&browser, &path, "x").await.says("Skriv mindst to tegn");
    search(&browser, &path, "anna").await.says("Ingen fundet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_more_members_than_one_answer_holds_is_listed_whole() {
    let town = Town::new("").await;
    let acting = town.person(&[&town.admins, &town.circle]).await;
    let mut admin = Admin::new().await;
    // Contacts are members too, and quick to create. Lists show and count people only.
    let unit = admin.unit(&format!("Mange {}", town.name)).await;
    let mut dns = Vec::new();
    for n in 0..1600 {
        dns.push(admin.contact(&format!("k{n}"), &unit).await);
    }
    admin.add_all(&town.circle, "member", &dns).await;
    let last = town.person(&[&town.circle]).await;
    let browser = town.browser(&acting).await;
    let page = browser.get(&only_list(&browser).await).await;
    page.says("Her er 2.");
    page.says(&last.sam);
    assert!(!page.text.contains("Side 1"), "one page: {}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_by_primary_group_is_in_list_and_search() {
    let town = Town::new("").await;
    let acting = town.person(&[&town.admins, &town.circle]).await;
    let primary = town.person(&[&town.circle]).await;
    let mut admin = Admin::new().await;
    let inner = admin.group(&format!("Indre {}", town.name)).await;
    admin.add_to_group(&town.circle, &inner).await;
    let nested = town.person(&[&inner]).await;
    for (group, person) in [(&town.circle, &primary), (&inner, &nested)] {
        let rid = admin.rid(group).await;
        admin.replace(&person.dn, "primaryGroupID", &rid).await; // AD removes the member from the group's `member` attribute
    }
    let browser = town.browser(&acting).await;
    let path = only_list(&browser).await;
    let page = browser.get(&path).await;
    page.says("Her er 3.");
    for person in [&primary, &nested] {
        page.says(&person.sam);
        search(&browser, &path, &person.sam).await.says("1 fundet.");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_listed_in_danish_order_of_the_names_that_are_shown() {
    let town = Town::new("").await;
    let acting = town.person(&[&town.admins, &town.circle]).await;
    let mut admin = Admin::new().await;
    admin.replace(&acting.dn, "displayName", "Aaa Først").await;
    // The account names have the opposite order.
    let names = ["Anna Ørn", "Éva Holm", "Eva Juhl", "zoe Berg", "Ægir Dam", "Ørsted Lund", "Aage Skov", "Åse Vang"];
    for (n, name) in names.iter().enumerate() {
        let (given, surname) = name.split_once(' ').expect("two names");
        let person = admin.person_named(&format!("{}{:02}", unique("o"), 99 - n), given, surname).await;
        admin.add_to_group(&town.circle, &person.dn).await;
    }
    let browser = town.browser(&acting).await;
    let page = browser.get(&only_list(&browser).await).await;
    let places: Vec<usize> = names.iter().map(|name| page.text.find(name).unwrap_or_else(|| panic!("{name} in {}", page.text))).collect();
    assert!(places.is_sorted(), "{places:?} {}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_a_name_however_it_is_typed() {
    let town = Town::new("").await;
    let acting = town.person(&[&town.admins, &town.circle]).await;
    let mut admin = Admin::new().await;
    for (given, surname) in [("Åse", "Holm"), ("Éva", "Kovács"), ("Anna", "Andersen"), ("Maeve", "O'Brien")] {
        let person = admin.person_named(&unique("s"), given, surname).await;
        admin.add_to_group(&town.circle, &person.dn).await;
    }
    let browser = town.browser(&acting).await;
    let path = only_list(&browser).await;
    for (typed, name) in [
        ("A\u{30A}se", "Åse Holm"),
        ("Aase", "Åse Holm"),
        ("ase holm", "Åse Holm"),
        ("Eva", "Éva Kovács"),
        ("kovacs, eva", "Éva Kovács"),
        ("Andersen, Anna", "Anna Andersen"),
        ("O’Brien", "Maeve O'Brien"),
        ("obrien", "Maeve O'Brien"),
    ] {
        let page = search(&browser, &path, typed).await;
        page.says("1 fundet.");
        page.says(name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_is_logged_and_a_cpr_number_typed_as_a_name_is_not() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let browser = town.browser(&acting).await;
    let path = only_list(&browser).await;
    search(&browser, &path, "0102031234").await;
    search(&browser, &path, "Testa").await;
    browser.get(&format!("/delegation/accounts/{}", guid(&member).await)).await;
    let pool = sqlx::AnyPool::connect(&format!("sqlite://{}/os2nykode.db", town.service.dir.path().display())).await.expect("open");
    let rows: Vec<(String, Option<String>, String)> =
        sqlx::query_as("SELECT kind, note, authority FROM audit ORDER BY seq").fetch_all(&pool).await.expect("read");
    pool.close().await;
    let authority = format!("circle:Kreds {}", town.name);
    let seen = |kind: &str, note: Option<&str>| (kind.to_owned(), note.map(str::to_owned), authority.clone());
    // Each word: the list is opened, then searched.
    let looked = ["010203••••", "Testa"].map(|words| [seen("list_viewed", None), seen("list_viewed", Some(words))]).concat();
    assert_eq!(rows, [looked, vec![seen("account_viewed", None)]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helpdesk_searches_where_it_helps_and_nowhere_else() {
    let scope = unique("omr");
    let unit = Admin::new().await.unit(&scope).await;
    let more = format!(
        "[[delegation.helpdesk]]\nid = \"skole\"\nname = {{ da = \"Skoledesken\" }}\ngroup = \"Skoledesk {scope}\"\nunits = [\"{unit}\"]\n"
    );
    let group = Admin::new().await.group(&format!("Skoledesk {scope}")).await;
    let town = Town::new(&more).await;
    let helper = town.person(&[&group]).await;
    let mut admin = Admin::new().await;
    let inside = admin.person().await;
    admin.rename(&inside.dn, &inside.sam, Some(&unit)).await;
    let outside = admin.person().await;
    let browser = town.browser(&helper).await;
    let path = only_list(&browser).await;
    assert_eq!(path, "/delegation/desk/skole");
    browser.get(&path).await.says("Søg for at finde");
    search(&browser, &path, &inside.sam).await.says("1 fundet.");
    search(&browser, &path, &outside.sam).await.says("Ingen fundet");
    let page = browser.get(&format!("/delegation/accounts/{}", guid(&inside).await)).await;
    assert_eq!(page.status, 200);
    assert!(!page.text.contains("Sæt en ny adgangskode"), "this helpdesk gives codes only");
    assert_eq!(browser.get(&format!("/delegation/accounts/{}", guid(&outside).await)).await.status, 404);
}
