//! A flood of logout messages, which require no session.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use os2nykode::{
    clock::Clock,
    identity::{
        keys::ProviderKeys,
        saml::{message, subject::LogoutSubject},
        transport::Transport,
    },
    model::identity::provider::ProviderId,
};

use crate::{
    idp::{Idp, KEYS_DIR, Wishes, introduced},
    service::Service,
    stays_up::{from, until},
    visitor::{Visitor, client},
};

/// Total number of messages, and number of parallel connections, one message each.
const ALL: usize = 300;
const AT_ONCE: usize = 20;

/// A logout request in the provider's name, valid except for its key.
fn forged(service: &Service) -> String {
    let saml = service.app.saml.as_ref().expect("configured");
    let now = service.clock.now();
    let metadata = saml.metadata(&ProviderId::parse("os2faktor").expect("an id"), now).expect("usable");
    let subject =
        LogoutSubject { name_id: "anna".to_owned(), format: None, name_qualifier: None, sp_name_qualifier: None, session_index: None };
    let message = message::logout_request("_forged", now, &saml.at.slo, &metadata.entity_id, &subject);
    let keys = ProviderKeys::read(&KEYS_DIR).expect("keys");
    match message.redirect("/saml/slo", None, &keys.signing, false).expect("signed") {
        Transport::Redirect(path) => path,
        Transport::Form { .. } => panic!("a redirect"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_logouts_from_one_address_holds_up_nobody_at_another() {
    let introduced = introduced(Wishes::USUAL).await;
    let service = &introduced.service;
    let at_8 = || client().local_address(std::net::IpAddr::from([127, 0, 0, 8])).cookie_store(true).build().expect("a client");
    let person = Visitor { client: at_8(), ..service.visitor() };
    // Duration of a login without the flood, which depends on the machine's other load.
    let calm = Visitor { client: at_8(), ..service.visitor() };
    let answer = calm.answer_of("/login/os2faktor", "niels").await;
    let begun = Instant::now();
    calm.bring(&answer).await.says("Niels");
    let usual = begun.elapsed();
    let answer = person.answer_of("/login/os2faktor", "anna").await;
    let (stranger, url) = (from(7), format!("{}{}", person.base, forged(service)));
    let sent: Arc<AtomicUsize> = Arc::default();
    let flood: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (stranger, url, sent) = (stranger.clone(), url.clone(), sent.clone());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while sent.fetch_add(1, Ordering::Relaxed) < ALL {
                    answers.push(stranger.get(&url).send().await.expect("an answer"));
                }
                answers
            })
        })
        .collect();
    until("the flood has come", 10, async || sent.load(Ordering::Relaxed) > AT_ONCE).await;
    let begun = Instant::now();
    let page = person.bring(&answer).await;
    let took = begun.elapsed();
    page.says("Anna Andersen");
    assert!(took < Duration::from_millis(500).max(usual * 4), "{took:?}, usually {usual:?}");
    let (mut refused, mut later) = (0, 0);
    let answers = futures_util::future::join_all(flood).await;
    for answer in answers.into_iter().flat_map(|answers| answers.expect("joined")) {
        match answer.status().as_u16() {
            403 => refused += 1,
            503 => {
                assert!(answer.headers().contains_key("retry-after"));
                later += 1;
            }
            other => panic!("{other}"),
        }
    }
    // The limit is a hundred at once and five per second after that. Some messages found the queue full.
    assert!(refused > 0 && later >= 100 && refused + later == ALL, "{refused} refused, {later} told to come later");
    // The provider's genuine logout succeeds.
    let base = Idp::Os2faktor.fact("METADATA_URL").split_once("/saml2/").expect("an address").0;
    let back = person.back_from(&format!("{base}/saml2/idp/SingleLogoutService.php?ReturnTo={base}/")).await;
    assert!(back.starts_with("/saml/slo?SAMLRequest="), "{back}");
    let answer = person.request(reqwest::Method::GET, &back).send().await.expect("an answer");
    assert!(answer.headers()["location"].to_str().expect("text").contains("SAMLResponse="), "carried out");
    assert!(person.get("/account").await.path.starts_with("/?"), "the session has ended");
}
