//! Logins at identity providers. The protocols are in `saml` and `oidc`; the outcome of a login is here.
//!
//! Invariants:
//! - An answer counts once, in the browser that asked, for the provider that was asked.
//! - All answers that prove nothing look alike to the visitor, and each has its own reason in the log.

pub mod oidc;
pub mod report;
pub mod saml;
mod tested;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::flow::sign_in::provider::report::LoginReport;
use crate::flow::{
    FlowError, RequestContext,
    delegation::guardian::{Children, children},
    event, event_of, party_of,
    self_service::{linked_accounts, sessions},
    sign_in::ad_password::{failed, hold_answer, refund},
};
use crate::{
    app::App,
    config::{Language, Provider},
    identity::{
        answer::{Login, LoginAnswer, LoginFailure, SessionThere},
        transport::Transport,
    },
    model::{
        account::Account,
        ad::guid::ObjectGuid,
        audit::{AuditEvent, AuditOutcome, EventKind},
        identity::{Identity, LoginMethod, ProviderLogin, claim::ClaimKind, provider::ProviderId},
    },
    store::rate_limit::{Charge, Receipt, ThrottleKey},
};

/// A slower login has to be started again. MitID gives people five minutes for each step.
const AT_MOST: SignedDuration = SignedDuration::from_mins(15);
/// Refused answers are delayed to a multiple of this, in milliseconds. `answer_after_ms` is about passwords and may be
/// 0, but the duration of a decryption must never show.
const LEAST_STEP_MS: u64 = 250;
/// Tolerance for the clocks of two instances.
const SKEW: SignedDuration = SignedDuration::from_mins(1);

/// The result of starting a login.
#[derive(Debug)]
pub enum LoginBegun {
    Go {
        /// Redirect or form that leads to the provider.
        transport: Transport,
        /// RelayState or `state`: returns with the answer, and names the browser's cookie.
        relay: String,
        /// Sealed state of the login, kept by the browser.
        sealed: String,
    },
    /// The provider cannot be used now.
    Unusable,
    Unknown,
}

/// Starts a login. `again`: the person has to authenticate even with a session at the provider.
pub async fn begin(app: &App, provider: &str, again: bool, language: Language) -> Result<LoginBegun, FlowError> {
    begin_for(app, provider, again, language, None).await
}

/// Begins a login, or a test of one by an auditor.
pub(crate) async fn begin_for(
    app: &App,
    provider: &str,
    again: bool,
    language: Language,
    test: Option<&Identity>,
) -> Result<LoginBegun, FlowError> {
    let Some(id) = ProviderId::parse(provider) else { return Ok(LoginBegun::Unknown) };
    if let (Some(provider), Some(saml)) = (app.config.saml.provider(&id), &app.saml) {
        crate::flow::sign_in::provider::saml::begin(app, saml, provider, again, test).await
    } else if let (Some(provider), Some(oidc)) = (app.config.oidc.provider(&id), &app.oidc) {
        crate::flow::sign_in::provider::oidc::begin(app, oidc, provider, again, language, test).await
    } else {
        Ok(LoginBegun::Unknown)
    }
}

/// Seals the state of a login or logout for the browser to keep.
pub(crate) fn seal(app: &App, relay: &str, pending: &impl Serialize) -> Result<String, FlowError> {
    let text = serde_json::to_vec(pending).map_err(|_| FlowError::Crashed)?;
    Ok(app.keys.seal(relay, &text)?)
}

/// Opens the state that the browser has kept under this name.
pub fn unseal<T: for<'a> Deserialize<'a>>(app: &App, relay: &str, sealed: &str) -> Option<T> {
    serde_json::from_slice(&app.keys.open(relay, sealed)?).ok()
}

/// Whether the answer is in time.
fn in_time(asked: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(asked);
    age <= AT_MOST && age >= -SKEW
}

/// The result of a login.
#[derive(Debug)]
pub enum LoginFinished {
    /// The login is proven, and it leads to accounts or children.
    Welcome {
        identity: Box<Identity>,
        /// For a later logout at the provider.
        session: Option<SessionThere>,
        /// Owners of the session: each linked account, and the person. A new password of any of them ends it.
        owners: Vec<ObjectGuid>,
    },
    /// The login is proven, but no account belongs to it.
    NoAccount {
        /// Kind of the claim that was matched.
        by: ClaimKind,
        provider: ProviderId,
        /// Whether the family service was left out because the assurance level is too low.
        children_unasked: bool,
    },
    /// The provider has not authenticated the person.
    Failed {
        /// The cause, as far as the person can act on it.
        failure: LoginFailure,
        /// The provider that was asked.
        provider: ProviderId,
    },
    /// A validly signed answer that does not meet the requirements here. Another attempt would end the same way.
    NotForHere {
        /// Kind of the missing claim that leads to accounts; `None`: persons of this kind may not log in here.
        missing: Option<ClaimKind>,
    },
    /// The answer proves nothing. The reason is in the log.
    Refused {
        /// The provider that was asked, where it is known.
        provider: Option<ProviderId>,
    },
    /// It was a test: nobody is logged in by it, and no session is touched.
    Tested(Box<LoginReport>),
    /// Too many refused answers from this address.
    Throttled {
        /// When the next answer is accepted.
        until: Timestamp,
    },
}

/// Why an answer has led to no login. The strings are audit reasons.
enum NoLoginReason {
    /// The answer proves nothing.
    Refused(&'static str),
    /// A validly signed answer that does not meet the requirements here.
    Unfit(&'static str, Unfit),
    /// The provider failed; the visitor did not.
    Provider(&'static str),
    Fault(FlowError),
}

/// The requirement that a valid answer does not meet.
enum Unfit {
    /// The claim that leads to accounts.
    Claim,
    /// The kind of person.
    Kind,
    /// The assurance level.
    Level,
}

impl From<crate::store::StoreError> for NoLoginReason {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// A browser that returns with an answer.
struct Arrival<'a> {
    app: &'a App,
    visit: &'a RequestContext,
    method: LoginMethod,
    /// The provider that was asked, where it is known.
    provider: Option<&'a Provider>,
}

impl Arrival<'_> {
    /// Handles an answer up to the end of the login. `read` guarantees that a login it returns is no replay.
    async fn conclude(&self, read: impl Future<Output = Result<LoginAnswer, NoLoginReason>>) -> Result<LoginFinished, FlowError> {
        let started = tokio::time::Instant::now();
        let receipt = match self.count_attempt().await? {
            Ok(receipt) => receipt,
            Err(until) => return Ok(LoginFinished::Throttled { until }),
        };
        let provider = self.provider.map(|provider| provider.id.clone());
        match read.await {
            Ok(LoginAnswer::Login(login)) => {
                let welcomed = self.welcome(*login).await;
                refund(self.app, receipt, false).await;
                welcomed
            }
            Ok(LoginAnswer::Failure(failure)) => {
                refund(self.app, receipt, false).await; // no identity was claimed
                self.given_up(failure.code()).await?;
                let Some(provider) = provider else { return Ok(LoginFinished::Refused { provider }) };
                Ok(LoginFinished::Failed { failure, provider })
            }
            Err(NoLoginReason::Refused(reason)) => {
                failed(self.app, receipt).await;
                self.refuse(reason, started).await?;
                Ok(LoginFinished::Refused { provider })
            }
            Err(NoLoginReason::Unfit(reason, what)) => {
                refund(self.app, receipt, false).await; // validly signed: no guess
                self.refuse(reason, started).await?;
                Ok(match (what, provider) {
                    (Unfit::Claim, _) => LoginFinished::NotForHere { missing: self.provider.map(|provider| provider.match_by) },
                    (Unfit::Level, Some(provider)) => LoginFinished::Failed { failure: LoginFailure::Level, provider },
                    (Unfit::Kind | Unfit::Level, _) => LoginFinished::NotForHere { missing: None },
                })
            }
            Err(NoLoginReason::Provider(reason)) => {
                refund(self.app, receipt, false).await; // an error of the provider is no failed attempt
                self.log(AuditOutcome::Failed, reason, None).await?;
                let Some(provider) = provider else { return Ok(LoginFinished::Refused { provider }) };
                Ok(LoginFinished::Failed { failure: LoginFailure::Busy, provider })
            }
            Err(NoLoginReason::Fault(fault)) => {
                refund(self.app, receipt, false).await; // an error of ours is no failed attempt
                Err(fault)
            }
        }
    }

    /// Charges the rate limit of the address for an answer. `Err`: when the next answer is accepted.
    async fn count_attempt(&self) -> Result<Result<Receipt, Timestamp>, FlowError> {
        let count_attempt = ThrottleKey::address(self.visit.client, self.app.config.rate_limit.address);
        Ok(match self.app.rate_limits.count_attempt(&count_attempt, self.app.clock.now()).await? {
            Charge::Taken(receipt) => Ok(receipt),
            Charge::Wait(until) => {
                if self.app.reported_delays.report_once(self.visit.client, until) {
                    self.log(AuditOutcome::Refused, "throttled", None).await?;
                }
                Err(until)
            }
        })
    }

    /// Logs a login that the person or the provider has ended without an answer to verify. It is no attempt, but any
    /// client can send it: beyond the rate limit of its network it is not logged.
    async fn given_up(&self, reason: &str) -> Result<(), FlowError> {
        let count_attempt = ThrottleKey::given_up(self.visit.client, self.app.config.rate_limit.address);
        let told = match self.app.rate_limits.count_attempt(&count_attempt, self.app.clock.now()).await? {
            Charge::Taken(_counted) => true,
            Charge::Wait(until) => self.app.reported_delays.report_once(self.visit.client, until),
        };
        if told {
            self.log(AuditOutcome::Refused, reason, None).await?;
        }
        Ok(())
    }

    async fn refuse(&self, reason: &'static str, started: tokio::time::Instant) -> Result<(), FlowError> {
        metrics::counter!("os2nykode_provider_refused_total", "method" => self.method.code(), "reason" => reason).increment(1);
        self.log(AuditOutcome::Refused, reason, None).await?;
        self.hold(started).await;
        Ok(())
    }

    /// Delays the answer. Its duration would show which check has failed, and so how close a guess at the encryption was.
    async fn hold(&self, started: tokio::time::Instant) {
        hold_answer(started, self.app.config.login.ad_password.answer_after_ms.max(LEAST_STEP_MS)).await;
    }

    /// Whether a person without an own account has a child with one. Where that cannot be read now, the login continues
    /// and its page reports it.
    async fn parenthood(&self, identity: &Identity) -> Result<Parenthood, FlowError> {
        Ok(match children(self.app, self.visit, identity).await? {
            Children::TooWeak => Parenthood::Unasked,
            Children::Unavailable | Children::TooOften(_) => Parenthood::Yes,
            Children::These(all) if all.iter().any(|child| !child.accounts.is_empty()) => Parenthood::Yes,
            Children::NotAsked | Children::These(_) => Parenthood::No,
        })
    }

    async fn welcome(&self, login: Login) -> Result<LoginFinished, FlowError> {
        let Some(provider) = self.provider else { return Ok(LoginFinished::Refused { provider: None }) };
        let Login { assertion, claim, level, name, at, ends, session, .. } = login;
        let by = claim.kind();
        let proven = ProviderLogin { provider: provider.id.clone(), method: self.method, level, claim, assertion, ends };
        let accounts = linked_accounts::all_of(self.app, &proven).await?;
        let name = name.or_else(|| accounts.first().map(|account| account.name().to_owned())).unwrap_or_default();
        let identity = Identity::from_provider(proven, name, at, self.visit.id);
        if accounts.is_empty() {
            match self.parenthood(&identity).await? {
                Parenthood::Yes => self.log(AuditOutcome::Succeeded, "parent", Some((&identity, None))).await?,
                not @ (Parenthood::No | Parenthood::Unasked) => {
                    self.log(AuditOutcome::Refused, "no_account", Some((&identity, None))).await?;
                    let children_unasked = not == Parenthood::Unasked;
                    return Ok(LoginFinished::NoAccount { by, provider: provider.id.clone(), children_unasked });
                }
            }
        }
        // One entry for each account, so that each account's history contains the login.
        for account in &accounts {
            self.log(AuditOutcome::Succeeded, "", Some((&identity, Some(account)))).await?;
        }
        let owners = accounts.iter().map(|account| account.guid).chain(sessions::person(self.app, &identity)).collect();
        Ok(LoginFinished::Welcome { identity: Box::new(identity), session, owners })
    }

    async fn log(&self, outcome: AuditOutcome, reason: &str, proven: Option<(&Identity, Option<&Account>)>) -> Result<(), FlowError> {
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

/// Whether a person without an own account is logged in as a parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parenthood {
    Yes,
    No,
    /// The assurance level is too low to ask the family service.
    Unasked,
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use crate::flow::sign_in::provider::{oidc, saml};

    #[test]
    fn what_is_kept_for_one_protocol_is_nothing_to_the_other() {
        let saml = json!({ "provider": "mitid", "request": "_1", "asked": "2026-11-23T08:10:00Z", "forced": true });
        let oidc = json!({ "asked_at": "mitid", "nonce": "1", "verifier": "2", "asked": "2026-11-23T08:10:00Z", "forced": true });
        assert!(from_value::<saml::PendingSamlLogin>(saml.clone()).is_ok() && from_value::<oidc::PendingOidcLogin>(oidc.clone()).is_ok());
        assert!(from_value::<saml::PendingSamlLogin>(oidc).is_err() && from_value::<oidc::PendingOidcLogin>(saml).is_err());
    }
}
