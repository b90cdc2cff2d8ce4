//! The rate limit of denied delegation applies to the actor, in every flow, and to no other person.

use std::time::Duration;

use futures_util::future::join_all;
use os2nykode::model::{authorization::Denial, refusal::Refusal};

use super::*;
use crate::{
    proxy::{Mischief, Proxy},
    service::Setup,
};

/// A town whose limit allows three attempts before the delay.
async fn town(proxy: Option<&Proxy>) -> Town {
    let mut town = Town::new("").await;
    let more = setup(&town.text)
        .more
        .replace("[rate_limit.address]\nattempts_before_delay = 1000", "[rate_limit.address]\nattempts_before_delay = 3");
    let controllers = proxy.map(|proxy| vec![proxy.address]).unwrap_or_default();
    let own = Setup { more: more.leak(), ..Setup::default() };
    town.service = if controllers.is_empty() { own } else { Setup { controllers, ..own } }.start().await;
    town
}

async fn refused(town: &Town) -> Vec<(String, Option<String>)> {
    let pool = sqlx::AnyPool::connect(&format!("sqlite://{}/os2nykode.db", town.service.dir.path().display())).await.expect("open");
    let all = sqlx::query_as("SELECT reason, target_guid FROM audit WHERE outcome = 'refused' ORDER BY seq")
        .fetch_all(&pool)
        .await
        .expect("read");
    pool.close().await;
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_no_more_than_one_after_the_other() {
    let proxy = Proxy::start().await;
    let town = town(Some(&proxy)).await;
    let (stranger, member) = (town.person(&[]).await, town.person(&[]).await);
    let (browser, path) = (town.browser(&stranger).await, format!("/delegation/accounts/{}", guid(&member).await));
    proxy.set(Mischief::Slow(Duration::from_millis(50)));
    let pages = join_all((0..12).map(|_| browser.get(&path))).await;
    let looked = pages.iter().filter(|page| page.status == 404).count();
    assert!(looked <= 3, "{looked} of 12");
    assert!(pages.iter().all(|page| page.status == 404 || page.status == 429));
}

#[tokio::test(flavor = "multi_thread")]
async fn going_away_before_the_answer_is_no_way_around() {
    let proxy = Proxy::start().await;
    let town = town(Some(&proxy)).await;
    let (stranger, member) = (town.person(&[]).await, town.person(&[]).await);
    let (browser, path) = (town.browser(&stranger).await, format!("/delegation/accounts/{}", guid(&member).await));
    proxy.set(Mischief::Slow(Duration::from_millis(100)));
    for _ in 0..3 {
        let request =
            browser.request(reqwest::Method::GET, &path).header("sec-fetch-site", "none").timeout(Duration::from_millis(60)).send().await;
        assert!(request.is_err_and(|error| error.is_timeout()));
    }
    proxy.set(Mischief::None);
    assert_eq!(browser.get(&path).await.status, 429);
    // Aborted requests are logged too: one entry per attempt, and one for the rate limit.
    let mut told = Vec::new();
    for _ in 0..100 {
        told = refused(&town).await;
        if told.len() == 4 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(told.iter().filter(|(reason, _)| reason == "no_relation").count(), 3, "{told:?}");
    assert_eq!(told.iter().filter(|(reason, _)| reason == "throttled").count(), 1, "{told:?}");
}

/// A whole school may share one address.
#[tokio::test(flavor = "multi_thread")]
async fn tries_on_others_keep_nobody_at_the_address_from_logging_in() {
    let town = town(None).await;
    let (stranger, member, colleague) = (town.person(&[]).await, town.person(&[]).await, town.person(&[]).await);
    let target = guid(&member).await;
    let browser = town.browser(&stranger).await;
    let token = browser.get(&format!("/accounts/{}/password", guid(&stranger).await)).await.token();
    let fields = [("csrf", token.as_str()), ("attempt", "0123456789abcdef0123456789abcdef"), ("new", NEW), ("repeat", NEW)];
    let mut told = Vec::new();
    for _ in 0..5 {
        told.push(browser.post(&format!("/delegation/accounts/{target}/password"), &fields).await.status.as_u16());
    }
    assert_eq!(told, [404, 404, 404, 429, 429]);
    town.service.visitor().logged_in(&colleague.sam, PASSWORD).await;
    let identity = town.login(&town.person(&[&town.desk]).await);
    assert_eq!(town.set(&identity, target, NEW).await, SetOutcome::Done, "who may act does not wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_act_is_never_slowed_down() {
    let town = town(None).await;
    let helper = town.person(&[&town.desk]).await;
    let (identity, browser) = (town.login(&helper), town.browser(&helper).await);
    for _ in 0..5 {
        let member = town.person(&[]).await;
        let target = guid(&member).await;
        assert_eq!(browser.get(&format!("/delegation/accounts/{target}")).await.status, 200);
        assert_eq!(town.set(&identity, target, NEW).await, SetOutcome::Done);
    }
    // Refused attempts on authorized targets don't count either.
    let closed = guid(&town.person(&[&town.closed]).await).await;
    for _ in 0..5 {
        assert_eq!(town.set(&identity, closed, NEW).await, SetOutcome::Refused(Refusal::Denied(Denial::ClosedToOthers)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_there_is_not_is_told_of_without_a_history() {
    let town = town(None).await;
    let browser = town.browser(&town.person(&[]).await).await;
    assert_eq!(browser.get("/delegation/accounts/11111111-2222-4333-8444-555555555555").await.status, 404);
    assert_eq!(refused(&town).await, [("no_relation".to_owned(), None)]);
}

/// Otherwise another site's links or frames could exhaust a visitor's rate limit.
#[tokio::test(flavor = "multi_thread")]
async fn another_sites_links_lead_to_the_choice_and_count_for_nothing() {
    // `same-site` is another host of the same domain.
    let town = town(None).await;
    let (stranger, member) = (town.person(&[]).await, town.person(&[]).await);
    let (browser, path) = (town.browser(&stranger).await, format!("/delegation/accounts/{}", guid(&member).await));
    let audit = format!("/audit/accounts/{}", guid(&member).await);
    for (path, start) in
        [(path.as_str(), "/delegation"), ("/delegation/desk/desk", "/delegation"), (&audit, "/audit"), ("/audit/overview", "/audit")]
    {
        for header in [Some("cross-site"), Some("same-site"), None] {
            let mut request = browser.request(reqwest::Method::GET, path);
            if let Some(site) = header {
                request = request.header("sec-fetch-site", site);
            }
            let answer = request.send().await.expect("an answer");
            let to = answer.headers().get("location").map(reqwest::header::HeaderValue::as_bytes);
            assert_eq!((answer.status().as_u16(), to), (303, Some(start.as_bytes())), "{path} {header:?}");
        }
    }
    assert_eq!(refused(&town).await, []);
    for (name, value) in [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none"), ("referer", "https://localhost/others")] {
        let answer = browser.request(reqwest::Method::GET, &path).header(name, value).send().await.expect("an answer");
        assert_eq!(answer.status(), 404, "{value}");
    }
}

/// AD gives these codes for the right password only. Otherwise the reset's outcome would stay unknown, and the slip would not be printed.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_not_log_in_now_or_from_here_gets_its_password() {
    let town = Town::new("").await;
    let browser = town.browser(&town.person(&[&town.desk]).await).await;
    let mut admin = Admin::new().await;
    for (attribute, value, code) in [("logonHours", "\0".repeat(21), "530"), ("userWorkstations", "INGEN".to_owned(), "531")] {
        let member = town.person(&[]).await;
        admin.replace(&member.dn, attribute, &value).await;
        assert_eq!(bind(&member.dn, PASSWORD).await, Err(code.to_owned()));
        assert_eq!(bind(&member.dn, "Helt-Forkert-99").await, Err("52e".to_owned()), "{code} comes only with the right one");
        set_for(&browser, guid(&member).await, NEW, false).await.says("Adgangskoden er sat");
        assert_eq!(bind(&member.dn, NEW).await, Err(code.to_owned()));
        assert_eq!(town.service.visitor().log_in(&member.sam, NEW).await.status, 422, "and it opens nothing here");
    }
}

/// Reason and note of the denied attempts in the audit log.
async fn notes(town: &Town) -> Vec<(String, Option<String>)> {
    let pool = sqlx::AnyPool::connect(&format!("sqlite://{}/os2nykode.db", town.service.dir.path().display())).await.expect("open");
    let all = sqlx::query_as("SELECT reason, note FROM audit WHERE outcome = 'refused' ORDER BY seq").fetch_all(&pool).await.expect("read");
    pool.close().await;
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn how_many_tries_were_left_out_of_the_log_is_told_in_it() {
    let town = town(None).await;
    let (first, second, member) = (town.person(&[]).await, town.person(&[]).await, town.person(&[]).await);
    let path = format!("/delegation/accounts/{}", guid(&member).await);
    let (early, late) = (town.browser(&first).await, town.browser(&second).await);
    let twelve = async |browser: &Visitor| {
        let before = notes(&town).await.len();
        for _ in 0..12 {
            browser.get(&path).await;
        }
        notes(&town).await.split_off(before)
    };
    let told = twelve(&early).await;
    let reasons: Vec<_> = told.iter().map(|(reason, _)| reason.as_str()).collect();
    assert_eq!(reasons, ["no_relation", "no_relation", "no_relation", "throttled"]);
    assert!(told.iter().all(|(_, note)| note.is_none()), "{told:?}");
    // Another actor's attempts at the same address have entries of their own.
    assert_eq!(twelve(&late).await, told);
    town.service.clock.shift_to(3600);
    // The next attempt logs the number of omitted entries. Without one, the clean-up job does.
    town.browser(&first).await.get(&path).await;
    let note = Some("left_out=8".to_owned());
    assert_eq!(notes(&town).await.last(), Some(&("no_relation".to_owned(), note.clone())));
    let before = notes(&town).await.len();
    for _ in 0..2 {
        os2nykode::flow::delegation::tell_left_out(&town.service.app).await.expect("told");
        assert_eq!(notes(&town).await[before..], [("throttled".to_owned(), note.clone())], "once, for the second person");
    }
}
