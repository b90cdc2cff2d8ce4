//! The end of a login that was a test: a report, and an entry in the audit log. No session, no account, no identity comes of it.

use crate::flow::sign_in::provider::{Arrival, LoginFinished, NoLoginReason, Unfit};
use crate::{
    flow::{
        FlowError, RequestContext,
        audit::read::auditor,
        event_of,
        self_service::linked_accounts,
        sign_in::ad_password::{failed, refund},
        sign_in::provider::report::{LoginReport, Verdict},
    },
    identity::{
        answer::{Login, LoginAnswer},
        shown::Findings,
    },
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind},
        authorization::Denial,
        identity::{Identity, ProviderLogin},
    },
};

impl Arrival<'_> {
    /// From the answer to the end of a test by an auditor.
    pub(crate) async fn conclude_test(
        &self,
        by: &Identity,
        read: impl Future<Output = (Result<LoginAnswer, NoLoginReason>, Findings)>,
    ) -> Result<LoginFinished, FlowError> {
        let started = tokio::time::Instant::now();
        let receipt = match self.count_attempt().await? {
            Ok(receipt) => receipt,
            Err(until) => return Ok(LoginFinished::Throttled { until }),
        };
        // Who may test is judged again: their login, or their part, may be over by now.
        let over = by.is_over(self.app.clock.now());
        let judged = if over { Err(Denial::LoginTooOld) } else { auditor(self.app, by).await? };
        let party = match judged {
            Ok(party) => party,
            Err(denial) => {
                refund(self.app, receipt, false).await;
                self.log_test(by, AuditOutcome::Refused, denial.code(), |_| {}).await?;
                return Ok(LoginFinished::Refused { provider: self.provider.map(|provider| provider.id.clone()) });
            }
        };
        let (answer, findings) = read.await;
        let refused = |reason| Verdict::Refused { reason, field: findings.field.clone(), check: findings.check };
        let guessed = matches!(answer, Err(NoLoginReason::Refused(_)));
        let (verdict, outcome, assertion) = match answer {
            Ok(LoginAnswer::Login(login)) => {
                let (accounts, assertion) = match self.accounts(*login).await {
                    Ok(found) => found,
                    Err(fault) => {
                        refund(self.app, receipt, false).await;
                        return Err(fault);
                    }
                };
                (Verdict::Accepted { accounts }, AuditOutcome::Succeeded, Some(assertion))
            }
            Ok(LoginAnswer::Failure(failure)) => (refused(failure.code()), AuditOutcome::Refused, None),
            Err(NoLoginReason::Refused(reason) | NoLoginReason::Unfit(reason, Unfit::Claim | Unfit::Kind | Unfit::Level)) => {
                (refused(reason), AuditOutcome::Refused, None)
            }
            Err(NoLoginReason::Provider(reason)) => (refused(reason), AuditOutcome::Failed, None),
            Err(NoLoginReason::Fault(fault)) => {
                refund(self.app, receipt, false).await; // our failure is not theirs
                return Err(fault);
            }
        };
        let reason = match &verdict {
            Verdict::Accepted { .. } => "",
            Verdict::Refused { reason, .. } => reason,
        };
        // The login that was tested, not the auditor's own.
        let tested = |entry: &mut AuditEvent| {
            (entry.actor, entry.authority) = (Some(party), Some("auditor".to_owned()));
            (entry.level, entry.assertion) = (findings.level, assertion);
        };
        self.log_test(by, outcome, reason, tested).await?;
        if guessed {
            failed(self.app, receipt).await;
            self.hold(started).await;
        } else {
            refund(self.app, receipt, false).await;
        }
        let Some(provider) = self.provider else { return Ok(LoginFinished::Refused { provider: None }) };
        let report = LoginReport { provider: provider.id.clone(), verdict, level: findings.level, lines: findings.lines };
        Ok(LoginFinished::Tested(Box::new(report)))
    }

    /// To how many accounts the login leads, and what the provider's own log names it by.
    async fn accounts(&self, login: Login) -> Result<(usize, String), FlowError> {
        let Some(provider) = self.provider else { return Ok((0, String::new())) };
        let Login { assertion, claim, level, ends, .. } = login;
        let proven = ProviderLogin { provider: provider.id.clone(), method: self.method, level, claim, assertion, ends };
        Ok((linked_accounts::all_of(self.app, &proven).await?.len(), proven.assertion))
    }

    async fn log_test(
        &self,
        by: &Identity,
        outcome: AuditOutcome,
        reason: &str,
        more: impl FnOnce(&mut AuditEvent),
    ) -> Result<(), FlowError> {
        let visit = RequestContext { id: by.visit, ..self.visit.clone() };
        let mut entry = event_of(&visit, by, self.app.clock.now(), EventKind::LoginTested, outcome, reason);
        (entry.method, entry.provider) = (Some(self.method), self.provider.map(|provider| provider.id.clone()));
        (entry.level, entry.assertion) = (None, None);
        more(&mut entry);
        self.app.audit.append(&entry).await?;
        Ok(())
    }
}
