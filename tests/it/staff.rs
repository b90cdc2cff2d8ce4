//! Local accounts: logins, permissions, and the commands that manage them.

mod at_work;
mod commands;
mod login;

use std::collections::BTreeSet;

use jiff::Timestamp;
use os2nykode::{
    admin::local_accounts::LocalAccountAdmin,
    clock::Clock,
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind},
        credential::{
            local_account::{Role, StaffAccount},
            password::Password,
        },
    },
};
use ring::hmac;

use crate::{
    environment::unique,
    service::{Service, Setup},
    visitor::{Page, Visitor},
};

const PASSWORD: &str = "Rolig-Cykel-Havre-472";
const OTHER: &str = "Kanin-Lampe-Fyrtårn-38";

/// Local accounts with generous rate limits.
const ON: &str = "[rate_limit.name]\nattempts_before_delay = 100\n[rate_limit.address]\nattempts_before_delay = 1000\n[login.ad_password]\nanswer_after_ms = 0\n[local_accounts]\nenabled = true\n";

fn on() -> Setup {
    Setup { more: ON, ..Setup::default() }
}

/// An authenticator app: RFC 6238 by another library than the service's.
#[derive(Clone)]
struct App(Vec<u8>);

impl App {
    fn code(&self, at: Timestamp) -> String {
        let step = u64::try_from(at.as_second()).expect("after 1970") / 30;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let at = usize::from(tag[19] & 15);
        let number = u32::from_be_bytes(tag[at..at + 4].try_into().expect("four bytes")) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// A code that is not valid at this time.
    fn wrong_code(&self, at: Timestamp) -> String {
        let now: Vec<_> = [-60, -30, 0, 30, 60].map(|seconds| self.code(at + jiff::SignedDuration::from_secs(seconds))).into();
        (0..1_000_000).map(|n| format!("{n:06}")).find(|code| !now.contains(code)).expect("one of a million")
    }
}

/// A local account of a test's own.
struct Colleague {
    name: String,
    app: App,
    account: StaffAccount,
}

fn desk(service: &Service) -> LocalAccountAdmin {
    let app = &service.app;
    LocalAccountAdmin {
        staff: app.local_accounts.clone(),
        sessions: app.sessions.clone(),
        audit: app.audit.clone(),
        keys: app.keys.clone(),
        hasher: app.hasher.clone(),
        clock: service.clock.clone(),
    }
}

fn password(text: &str) -> Password {
    Password::parse(text.to_owned()).expect("a password")
}

impl Colleague {
    async fn new(service: &Service, roles: &[Role]) -> Self {
        let name = unique("vagt");
        let roles: BTreeSet<Role> = roles.iter().copied().collect();
        let secret = desk(service).add(&name, "Åse Bech-Øst", roles, &password(PASSWORD)).await.expect("added");
        let account = desk(service).find(&name).await.expect("there");
        Self { name, app: App(secret.bytes().to_vec()), account }
    }

    async fn log_in(&self, service: &Service) -> (Visitor, Page) {
        let visitor = service.visitor();
        let page = log_in(&visitor, &self.name, PASSWORD, &self.app.code(service.clock.now())).await;
        (visitor, page)
    }

    /// Logs in. Asserts that the visit begins at delegation.
    async fn at_work(&self, service: &Service) -> Visitor {
        let (visitor, page) = self.log_in(service).await;
        assert_eq!(page.path, "/delegation", "{} {}", page.status, page.text);
        visitor
    }

    async fn history(&self, service: &Service) -> Vec<AuditEvent> {
        let entries = service.app.audit.history_of(self.account.id.into(), 50, Timestamp::UNIX_EPOCH).await.expect("read");
        entries.into_iter().map(|entry| entry.event).collect()
    }

    /// The latest entries as kind, outcome and reason.
    async fn told(&self, service: &Service) -> Vec<(EventKind, AuditOutcome, String)> {
        self.history(service).await.into_iter().map(|event| (event.kind, event.outcome, event.reason)).collect()
    }
}

async fn log_in(visitor: &Visitor, name: &str, password: &str, code: &str) -> Page {
    let token = visitor.get("/staff").await.token();
    let page = visitor.post("/staff", &[("csrf", &token), ("name", name), ("password", password), ("code", code)]).await;
    page.does_not_hold(password);
    page.does_not_hold(code);
    page
}
