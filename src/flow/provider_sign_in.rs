//! Logging in at an identity provider: there and back. What each protocol does of its own is below; what a login comes to is here, once for all.
//!
//! Invariants: an answer counts once, in the browser that asked, for the provider that was asked; every answer that proves nothing looks alike to the visitor and has its own
//! reason in the log.

pub mod oidc;
pub mod saml;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Fault, Visit, authority, event, event_of,
    others::children::{Children, children},
    own_sessions, party_of,
    sign_in::{failed, forgive, hold_answer},
};
use crate::{
    app::App,
    config::{Language, Provider},
    identity::{
        answer::{Answer, Failure, Login, SessionThere},
        transport::Transport,
    },
    model::{
        account::Account,
        audit::{AuditEvent, AuditOutcome, EventKind},
        claim::ClaimKind,
        guid::ObjectGuid,
        identity::{Identity, LoginMethod, ProviderLogin},
        provider::ProviderId,
    },
    store::throttle::{Charge, ThrottleKey},
};

/// A login that takes longer is begun anew: MitID itself gives people five minutes for each step.
const AT_MOST: SignedDuration = SignedDuration::from_mins(15);
/// A refused answer is held for a whole number of these at the least, milliseconds: `answer_after_ms` is about passwords and may be 0, and how long a
/// decryption took must never show.
const LEAST_STEP_MS: u64 = 250;
/// The clocks of two instances may differ by this much.
const SKEW: SignedDuration = SignedDuration::from_mins(1);

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
pub async fn begin(app: &App, provider: &str, again: bool, language: Language) -> Result<Begun, Fault> {
    let Some(id) = ProviderId::parse(provider) else { return Ok(Begun::Unknown) };
    if let (Some(provider), Some(saml)) = (app.config.saml.provider(&id), &app.saml) {
        saml::begin(app, saml, provider, again).await
    } else if let (Some(provider), Some(oidc)) = (app.config.oidc.provider(&id), &app.oidc) {
        oidc::begin(app, oidc, provider, again, language).await
    } else {
        Ok(Begun::Unknown)
    }
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

/// Is it still time for the answer?
fn in_time(asked: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(asked);
    age <= AT_MOST && age >= -SKEW
}

/// How a login ended.
#[derive(Debug)]
pub enum Finished {
    /// Proven, and there are accounts.
    Welcome {
        /// Who it is.
        identity: Box<Identity>,
        /// For a logout, later.
        session: Option<SessionThere>,
        /// Whose the session is: each account that it leads to, and the person. It ends with a new password of any of them.
        owners: Vec<ObjectGuid>,
    },
    /// Proven, but no account belongs to it.
    NoAccount {
        /// What was looked for.
        by: ClaimKind,
        /// Who said so.
        provider: ProviderId,
        /// The family service was not asked about children, because the login is not sure enough for that.
        children_unasked: bool,
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

/// Why an answer led nowhere. The words are those of the log.
enum Trouble {
    /// It proves nothing.
    Refused(&'static str),
    /// Rightly signed, but no use here.
    Unfit(&'static str, Unfit),
    /// The provider did not do its part; the visitor did.
    Provider(&'static str),
    Fault(Fault),
}

/// What a right answer lacks.
enum Unfit {
    /// What leads to accounts.
    Claim,
    /// The right kind of person.
    Kind,
    /// The level.
    Level,
}

impl From<crate::store::StoreError> for Trouble {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// Somebody who is back with an answer.
struct Arrival<'a> {
    app: &'a App,
    visit: &'a Visit,
    method: LoginMethod,
    /// Who was asked, where that is known.
    provider: Option<&'a Provider>,
}

impl Arrival<'_> {
    /// From the answer to the end of the login. A login that `read` gives was never seen before.
    async fn conclude(&self, read: impl Future<Output = Result<Answer, Trouble>>) -> Result<Finished, Fault> {
        let started = tokio::time::Instant::now();
        let charge = ThrottleKey::address(self.visit.client, self.app.config.throttle.address);
        let receipt = match self.app.throttles.charge(&charge, self.app.clock.now()).await? {
            Charge::Taken(receipt) => receipt,
            Charge::Wait(until) => {
                if self.app.waits.first_word(self.visit.client, until) {
                    self.log(AuditOutcome::Refused, "throttled", None).await?;
                }
                return Ok(Finished::Throttled { until });
            }
        };
        let provider = self.provider.map(|provider| provider.id.clone());
        match read.await {
            Ok(Answer::Login(login)) => {
                let welcomed = self.welcome(*login).await;
                forgive(self.app, receipt, false).await;
                welcomed
            }
            Ok(Answer::Failure(failure)) => {
                forgive(self.app, receipt, false).await; // nobody has claimed to be anybody
                self.given_up(failure.code()).await?;
                let Some(provider) = provider else { return Ok(Finished::Refused { provider }) };
                Ok(Finished::Failed { failure, provider })
            }
            Err(Trouble::Refused(reason)) => {
                failed(self.app, receipt).await;
                self.refuse(reason, started).await?;
                Ok(Finished::Refused { provider })
            }
            Err(Trouble::Unfit(reason, what)) => {
                forgive(self.app, receipt, false).await; // rightly signed: no guess
                self.refuse(reason, started).await?;
                Ok(match (what, provider) {
                    (Unfit::Claim, _) => Finished::NotForHere { missing: self.provider.map(|provider| provider.match_by) },
                    (Unfit::Level, Some(provider)) => Finished::Failed { failure: Failure::Level, provider },
                    (Unfit::Kind | Unfit::Level, _) => Finished::NotForHere { missing: None },
                })
            }
            Err(Trouble::Provider(reason)) => {
                forgive(self.app, receipt, false).await; // the provider's failure is not theirs
                self.log(AuditOutcome::Failed, reason, None).await?;
                let Some(provider) = provider else { return Ok(Finished::Refused { provider }) };
                Ok(Finished::Failed { failure: Failure::Busy, provider })
            }
            Err(Trouble::Fault(fault)) => {
                forgive(self.app, receipt, false).await; // our failure is not theirs
                Err(fault)
            }
        }
    }

    /// Logs a login that the person or the provider has ended without an answer to judge. It is no try, but anybody can send it: too many from one network
    /// are not logged.
    async fn given_up(&self, reason: &str) -> Result<(), Fault> {
        let charge = ThrottleKey::given_up(self.visit.client, self.app.config.throttle.address);
        let told = match self.app.throttles.charge(&charge, self.app.clock.now()).await? {
            Charge::Taken(_counted) => true,
            Charge::Wait(until) => self.app.waits.first_word(self.visit.client, until),
        };
        if told {
            self.log(AuditOutcome::Refused, reason, None).await?;
        }
        Ok(())
    }

    async fn refuse(&self, reason: &'static str, started: tokio::time::Instant) -> Result<(), Fault> {
        metrics::counter!("provider_refused_total", "method" => self.method.code(), "reason" => reason).increment(1);
        self.log(AuditOutcome::Refused, reason, None).await?;
        // How long it took would tell how far an answer came, and so how near a guess at its encryption was.
        hold_answer(started, self.app.config.login.ad_password.answer_after_ms.max(LEAST_STEP_MS)).await;
        Ok(())
    }

    /// Has somebody without an account of their own a child that has one? Where that can't be asked now, they see that once they are in.
    async fn parenthood(&self, identity: &Identity) -> Result<Parenthood, Fault> {
        Ok(match children(self.app, self.visit, identity).await? {
            Children::TooWeak => Parenthood::Unasked,
            Children::Unavailable | Children::TooOften(_) => Parenthood::Yes,
            Children::These(all) if all.iter().any(|child| !child.accounts.is_empty()) => Parenthood::Yes,
            Children::NotAsked | Children::These(_) => Parenthood::No,
        })
    }

    async fn welcome(&self, login: Login) -> Result<Finished, Fault> {
        let Some(provider) = self.provider else { return Ok(Finished::Refused { provider: None }) };
        let Login { assertion, claim, level, name, at, ends, session, .. } = login;
        let by = claim.kind();
        let proven = ProviderLogin { provider: provider.id.clone(), method: self.method, level, claim, assertion, ends };
        let accounts = authority::all_of(self.app, &proven).await?;
        let name = name.or_else(|| accounts.first().map(|account| account.name().to_owned())).unwrap_or_default();
        let identity = Identity::from_provider(proven, name, at, self.visit.id);
        if accounts.is_empty() {
            match self.parenthood(&identity).await? {
                Parenthood::Yes => self.log(AuditOutcome::Succeeded, "parent", Some((&identity, None))).await?,
                not @ (Parenthood::No | Parenthood::Unasked) => {
                    self.log(AuditOutcome::Refused, "no_account", Some((&identity, None))).await?;
                    let children_unasked = not == Parenthood::Unasked;
                    return Ok(Finished::NoAccount { by, provider: provider.id.clone(), children_unasked });
                }
            }
        }
        // One entry for each, so that each account's own history tells of it.
        for account in &accounts {
            self.log(AuditOutcome::Succeeded, "", Some((&identity, Some(account)))).await?;
        }
        let owners = accounts.iter().map(|account| account.guid).chain(own_sessions::person(self.app, &identity)).collect();
        Ok(Finished::Welcome { identity: Box::new(identity), session, owners })
    }

    async fn log(&self, outcome: AuditOutcome, reason: &str, proven: Option<(&Identity, Option<&Account>)>) -> Result<(), Fault> {
        let (now, kind) = (self.app.clock.now(), EventKind::SignIn);
        let mut entry: AuditEvent = match proven {
            Some((identity, _)) => event_of(self.visit, identity, now, kind, outcome, reason),
            None => event(self.visit, now, kind, outcome, reason),
        };
        entry.method = Some(self.method);
        entry.provider = self.provider.map(|provider| provider.id.clone());
        if let Some((_, account)) = proven {
            entry.target = account.map(party_of);
            entry.actor = entry.target.clone();
        }
        self.app.audit.append(&entry).await?;
        Ok(())
    }
}

/// Is somebody let in for the sake of their children?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parenthood {
    Yes,
    No,
    /// The login is not sure enough to ask.
    Unasked,
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::{oidc, saml};

    #[test]
    fn what_is_kept_for_one_protocol_is_nothing_to_the_other() {
        let saml = json!({ "provider": "mitid", "request": "_1", "asked": "2026-11-23T08:10:00Z", "forced": true });
        let oidc = json!({ "asked_at": "mitid", "nonce": "1", "verifier": "2", "asked": "2026-11-23T08:10:00Z", "forced": true });
        assert!(from_value::<saml::Pending>(saml.clone()).is_ok() && from_value::<oidc::Pending>(oidc.clone()).is_ok());
        assert!(from_value::<saml::Pending>(oidc).is_err() && from_value::<oidc::Pending>(saml).is_err());
    }
}
