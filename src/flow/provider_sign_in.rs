//! Logging in at an identity provider: there and back.
//!
//! Invariants: an answer counts once, in the browser that asked, for the provider that was asked; every answer that proves nothing looks alike to the visitor and has its own
//! reason in the log.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Fault, Visit, authority, event, event_of, party_of,
    sign_in::{forgive, hold_answer},
};
use crate::{
    app::App,
    config::Binding,
    identity::saml::{
        Asked, Refused, Way,
        message::{self, AuthnRequest, Transport},
        response::{Answer, Failure, Login, Subject},
    },
    model::{
        account::Account,
        audit::{AuditEvent, AuditOutcome, EventKind},
        claim::ClaimKind,
        identity::{Identity, LoginMethod, ProviderLogin},
        provider::ProviderId,
    },
    store::throttle::{Charge, ThrottleKey},
};

/// A login that takes longer is begun anew: MitID itself gives people five minutes for each step.
const AT_MOST: SignedDuration = SignedDuration::from_mins(15);

/// A login that is under way, as the browser keeps it for us, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    provider: ProviderId,
    request: String,
    asked: Timestamp,
    forced: bool,
}

/// Where to go to log in.
#[derive(Debug)]
pub enum Begun {
    /// There.
    Go {
        /// The way to the provider.
        transport: Transport,
        /// Comes back with the answer, and names what the browser keeps.
        relay: String,
        /// What the browser keeps.
        sealed: String,
    },
    /// The provider can't be used now.
    Unusable,
    /// There is no such provider.
    Unknown,
}

/// Begins a login. `again`: the person has to show who they are, whatever session they have there.
pub async fn begin(app: &App, provider: &str, again: bool) -> Result<Begun, Fault> {
    let known = ProviderId::parse(provider).and_then(|id| app.config.saml.provider(&id));
    let (Some(provider), Some(saml)) = (known, &app.saml) else { return Ok(Begun::Unknown) };
    let now = app.clock.now();
    let Some(metadata) = saml.metadata(&provider.id, now) else { return Ok(Begun::Unusable) };
    let request = message::id(app.keys.random()?);
    let relay = message::id(app.keys.random()?);
    let (address, by_form) = match (provider.binding, &metadata.sign_on.redirect, &metadata.sign_on.post) {
        (Binding::Redirect, Some(address), _) | (Binding::Post, Some(address), None) => (address, false),
        (Binding::Post, _, Some(address)) | (Binding::Redirect, None, Some(address)) => (address, true),
        (Binding::Redirect | Binding::Post, None, None) => return Ok(Begun::Unusable),
    };
    let forced = provider.force_authn || again;
    let asks = AuthnRequest {
        id: &request,
        at: now,
        destination: address,
        entity_id: &saml.at.entity_id,
        acs: &saml.at.acs,
        force: forced,
        provider,
    };
    let way = Way { address: address.clone(), by_form, relay: Some(relay.clone()), pss: provider.pss };
    let transport = saml.send(asks.message(), way).await?;
    let pending = Pending { provider: provider.id.clone(), request, asked: now, forced };
    Ok(Begun::Go { transport, sealed: seal(app, &relay, &pending)?, relay })
}

/// What the browser keeps while a login or logout is under way.
pub(super) fn seal(app: &App, relay: &str, pending: &impl Serialize) -> Result<String, Fault> {
    let text = serde_json::to_vec(pending).map_err(|_| Fault::Crashed)?;
    Ok(app.keys.seal(relay, &text)?)
}

/// Reads what the browser has kept under this name.
pub fn unseal<T: for<'a> Deserialize<'a>>(app: &App, relay: &str, sealed: &str) -> Option<T> {
    serde_json::from_slice(&app.keys.open(relay, sealed)?).ok()
}

/// How a login ended.
#[derive(Debug)]
pub enum Finished {
    /// Proven, and there are accounts.
    Welcome {
        /// Who it is.
        identity: Box<Identity>,
        /// For a logout, later.
        subject: Option<Subject>,
    },
    /// Proven, but no account belongs to it.
    NoAccount {
        /// What was looked for.
        by: ClaimKind,
        /// Who said so.
        provider: ProviderId,
    },
    /// The provider has logged nobody in.
    Failed {
        /// Why, as far as a person can act on it.
        failure: Failure,
        /// Who was asked.
        provider: ProviderId,
    },
    /// Rightly signed, but it lacks what this service needs of it: another try would end the same.
    NotForHere {
        /// What is missing, where it is what leads to accounts; else the person is of a kind that may not log in here.
        missing: Option<ClaimKind>,
    },
    /// The answer proves nothing. The reason is in the log.
    Refused {
        /// Who was asked, where that is known.
        provider: Option<ProviderId>,
    },
    /// Too many refused answers from this address.
    Throttled {
        /// From when another one is read.
        until: Timestamp,
    },
}

/// Ends a login with the provider's answer. It goes on to its end, audit entries included, when the person goes away in the middle.
pub async fn finish(app: &Arc<App>, visit: &Visit, pending: Option<Pending>, answer: Result<String, Refused>) -> Result<Finished, Fault> {
    let (app, visit) = (app.clone(), *visit);
    let task = tokio::spawn(async move { Arrival { app: &app, visit: &visit, pending }.finish(answer).await });
    task.await.map_err(|_| Fault::Crashed)?
}

struct Arrival<'a> {
    app: &'a App,
    visit: &'a Visit,
    pending: Option<Pending>,
}

impl Arrival<'_> {
    async fn finish(&self, answer: Result<String, Refused>) -> Result<Finished, Fault> {
        let started = tokio::time::Instant::now();
        let charge = [(ThrottleKey::address(self.visit.client), self.app.config.throttle.address)];
        let receipt = match self.app.throttles.charge(&charge, self.app.clock.now()).await? {
            Charge::Taken(receipt) => receipt,
            Charge::Wait(until) => {
                if self.app.waits.first_word(self.visit.client, until) {
                    self.log(AuditOutcome::Refused, "throttled", None).await?;
                }
                return Ok(Finished::Throttled { until });
            }
        };
        let read = match answer {
            Ok(answer) => self.read(&answer).await,
            Err(refused) => Err(Trouble::Refused(refused)),
        };
        match read {
            Ok(Answer::Login(login)) => {
                let welcomed = self.welcome(*login).await;
                forgive(self.app, receipt, false).await;
                welcomed
            }
            Ok(Answer::Failure(failure)) => {
                self.log(AuditOutcome::Refused, failure.code(), None).await?;
                let Some(pending) = &self.pending else { return Ok(Finished::Refused { provider: None }) };
                Ok(Finished::Failed { failure, provider: pending.provider.clone() })
            }
            Err(Trouble::Refused(reason)) => {
                metrics::counter!("saml_refused_total", "reason" => reason.code()).increment(1);
                self.log(AuditOutcome::Refused, reason.code(), None).await?;
                // How long it took would tell how far an answer came, and so how near a guess at its encryption was.
                hold_answer(started, self.app.config.login.ad_password.answer_after_ms).await;
                let provider = self.pending.as_ref().map(|pending| pending.provider.clone());
                // These two are known only of what a key of the provider has signed.
                Ok(if reason == Refused::NoClaim {
                    Finished::NotForHere { missing: self.claim_kind() }
                } else if reason == Refused::Required {
                    Finished::NotForHere { missing: None }
                } else {
                    Finished::Refused { provider }
                })
            }
            Err(Trouble::Fault(fault)) => {
                forgive(self.app, receipt, false).await; // our failure is not theirs
                Err(fault)
            }
        }
    }

    /// What the provider that was asked is matched by.
    fn claim_kind(&self) -> Option<ClaimKind> {
        let pending = self.pending.as_ref()?;
        Some(self.app.config.saml.provider(&pending.provider)?.match_by)
    }

    /// What the answer proves. A login that this returns was never seen before.
    async fn read(&self, answer: &str) -> Result<Answer, Trouble> {
        let now = self.app.clock.now();
        let pending = self.pending.as_ref().ok_or(Refused::NotAsked)?;
        let saml = self.app.saml.as_ref().ok_or(Refused::ProviderUnusable)?;
        let age = now.duration_since(pending.asked);
        if age > AT_MOST || age < SignedDuration::from_mins(-1) {
            return Err(Refused::NotAsked.into());
        }
        let asked =
            Asked { provider: pending.provider.clone(), request: pending.request.clone(), at: pending.asked, forced: pending.forced, now };
        let read = saml.read_response(asked, message::decoded(answer)?).await?;
        if let Answer::Login(login) = &read {
            let assertion = format!("assertion:{}:{}", pending.provider, self.app.keys.fingerprint(&login.assertion));
            let request = format!("request:{}", pending.request);
            // An assertion may be valid for longer than a login may take: it is remembered for as long as either.
            let until = login.until.max(now + AT_MOST);
            if !self.app.used.first_time(&assertion, until).await? || !self.app.used.first_time(&request, until).await? {
                return Err(Refused::Replayed.into());
            }
        }
        Ok(read)
    }

    async fn welcome(&self, login: Login) -> Result<Finished, Fault> {
        let Some(pending) = &self.pending else { return Ok(Finished::Refused { provider: None }) };
        let Login { assertion, claim, level, name, at, subject, .. } = login;
        let by = claim.kind();
        let proven = ProviderLogin { provider: pending.provider.clone(), level, claim, assertion };
        let accounts = authority::all_of(self.app, &proven).await?;
        let name = name.or_else(|| accounts.first().map(|account| account.name().to_owned())).unwrap_or_default();
        let identity = Identity::from_provider(proven, name, at, self.visit.id);
        if accounts.is_empty() {
            self.log(AuditOutcome::Refused, "no_account", Some((&identity, None))).await?;
            return Ok(Finished::NoAccount { by, provider: pending.provider.clone() });
        }
        // One entry for each, so that each account's own history tells of it.
        for account in &accounts {
            self.log(AuditOutcome::Succeeded, "", Some((&identity, Some(account)))).await?;
        }
        Ok(Finished::Welcome { identity: Box::new(identity), subject })
    }

    async fn log(&self, outcome: AuditOutcome, reason: &str, proven: Option<(&Identity, Option<&Account>)>) -> Result<(), Fault> {
        let (now, kind) = (self.app.clock.now(), EventKind::SignIn);
        let mut entry: AuditEvent = match proven {
            Some((identity, _)) => event_of(self.visit, identity, now, kind, outcome, reason),
            None => event(self.visit, now, kind, outcome, reason),
        };
        entry.method = Some(LoginMethod::Saml);
        entry.provider = self.pending.as_ref().map(|pending| pending.provider.clone());
        if let Some((_, account)) = proven {
            entry.target = account.map(party_of);
            entry.actor = entry.target.clone();
        }
        self.app.audit.append(&entry).await?;
        Ok(())
    }
}

/// Why an answer led nowhere.
enum Trouble {
    Refused(Refused),
    Fault(Fault),
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<crate::store::StoreError> for Trouble {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Fault(error.into())
    }
}
