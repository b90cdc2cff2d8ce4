//! Check of OpenID Connect providers: discovery documents, their fit with the configuration, and our credentials.

use jiff::{SignedDuration, Timestamp};

use super::{Id, Options, Report, needs};
use crate::{
    clock::Clock,
    config::{ClientAuth, Config, OidcProvider},
    identity::oidc::{OidcError, OidcProviders, Recognised, discovery::DiscoveredProvider},
    model::identity::provider::ProviderId,
};

const AREA: &str = "oidc";
/// A certificate that expires within this time is reported.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 30);
const ROLL: &str = "create new keys with `os2nykode oidc keygen`, wait until the providers have read /oidc/jwks, then `os2nykode oidc rollover` and restart";

/// Checks all selected providers. An unusable one does not stop the others.
pub(super) async fn check(config: &Config, options: &Options, clock: &dyn Clock, report: &mut Report) {
    let providers = match OidcProviders::start(&config.oidc, &config.server.public_url) {
        Ok(Some(providers)) => providers,
        Ok(None) => return,
        Err(error) => return report.problem(Id::ProviderSetup, AREA, &error.to_string(), advice(&error)),
    };
    if let Some(keys) = &providers.keys {
        for (name, pair) in keys.published() {
            let area = format!("oidc {name}");
            match pair.expires() {
                Some(end) if end < clock.now() + SOON => {
                    report.warning(Id::ProviderKeysEnd, &area, &format!("the service's certificate expires on {}", super::day(end)), ROLL);
                }
                Some(_) | None => report.ok(&area, &format!("RSA key of {} bits", pair.key().bits())),
            }
        }
    }
    for provider in config.oidc.providers.iter().filter(|provider| options.wants(&provider.common)) {
        let (id, area) = (&provider.common.id, format!("oidc {}", provider.common.id));
        match providers.refresh(id).await {
            Ok(known) => {
                good(provider, &known, &area, report);
                needs::of_oidc(provider, &known, &area, report);
                credentials(&providers, provider, clock.now(), &area, report).await;
                clocks(&providers, id, provider, clock, &area, report).await;
                if !super::can_reset(config, &provider.common) {
                    let what = "none of its logins suffices to set a password on any account";
                    report.warning(Id::ProviderResetsNobody, &area, what, "correct its levels, or [reset] and [[reset.group]]");
                }
            }
            Err(error) => report.problem(Id::ProviderUnusable,
                &area,
                &format!("its discovery document is not usable: {error}"),
                "check that this machine can reach <issuer>/.well-known/openid-configuration, and that issuer is spelled as the provider spells it",
            ),
        }
    }
}

fn advice(error: &OidcError) -> &'static str {
    match error {
        OidcError::Keys(_) => "create keys with `os2nykode oidc keygen`, as the service's user",
        OidcError::Http(_) => "correct oidc.ca_file, or remove it to use the system's certificates",
    }
}

/// Compares a provider's discovery document with the configuration.
fn good(provider: &OidcProvider, known: &DiscoveredProvider, area: &str, report: &mut Report) {
    let count = known.keys.len();
    let keys = if count == 1 { "key" } else { "keys" };
    let pushed = if known.par.is_some() && provider.par { "; requests are pushed" } else { "" };
    report.ok(area, &format!("{} is usable, with {count} signing {keys}{pushed}", provider.issuer));
    let method = match provider.client_auth {
        ClientAuth::Basic(_) => "client_secret_basic",
        ClientAuth::Post(_) => "client_secret_post",
        ClientAuth::PrivateKeyJwt { .. } => "private_key_jwt",
    };
    // Without the list the default is client_secret_basic (Discovery 1.0, section 3).
    let takes =
        if known.auth_methods.is_empty() { method == "client_secret_basic" } else { known.auth_methods.iter().any(|m| m == method) };
    if !takes {
        let what = format!("it does not list {method} among its methods of client authentication: {}", known.auth_methods.join(", "));
        report.warning(Id::ProviderClientAuth, area, &what, "set client_auth to one of these methods");
    }
    let ours: Vec<_> = provider.algorithms.iter().map(|algorithm| format!("{algorithm:?}")).collect();
    if !known.algorithms.iter().any(|algorithm| ours.contains(algorithm)) {
        let what = format!("it signs with {}; `algorithms` accepts {}", known.algorithms.join(", "), ours.join(", "));
        report.problem(Id::ProviderAlgorithms, area, &what, "let the provider sign with an accepted algorithm, or extend `algorithms`");
    }
    if (provider.prompt_login || provider.max_age_seconds.is_some()) && !provider.require_auth_time {
        let what = "a fresh login is requested, but a token without the time of the login is accepted too";
        report.warning(
            Id::ProviderAuthTime,
            area,
            what,
            "set require_auth_time = true if the provider sends the time of the login (auth_time names the claim)",
        );
    }
    if !provider.prompt_login && provider.max_age_seconds.is_none() {
        let what =
            "no fresh login is requested: a person at another person's browser can log in with that person's session at the provider";
        report.warning(Id::ProviderNoFreshLogin, area, what, "set prompt_login = true");
    }
    if known.end_session.is_none() {
        report.warning(
            Id::ProviderNoLogout,
            area,
            "it supports no logout",
            "no action: the page asks people on a shared computer to close the browser",
        );
    }
    if known.backchannel_logout {
        report.ok(area, "it supports back-channel logout: register <public_url>/oidc/logout/<id> there");
    }
}

/// Checks our credentials as far as possible without a user: providers refuse an invalid code in another way than an unknown client.
async fn credentials(providers: &OidcProviders, provider: &OidcProvider, now: Timestamp, area: &str, report: &mut Report) {
    let mut random = [0; 16];
    if ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut random).is_err() {
        return report.problem(Id::NoRandomness, area, "this machine provides no random numbers", "run the check again");
    }
    match providers.recognised(&provider.common.id, now, random).await {
        Ok(Recognised::Yes) => report.ok(area, "it accepts the service's credentials"),
        Ok(Recognised::No(word)) => report.problem(
            Id::ProviderCredentialsRefused,
            area,
            &format!("it rejects the service's credentials ({word})"),
            "compare client_id, client_auth and the secret or the service's keys (/oidc/jwks) with the provider's registration",
        ),
        Ok(Recognised::Unclear(what)) => {
            report.warning(
                Id::ProviderCredentialsUnclear,
                area,
                &format!("whether it accepts the service's credentials is unclear: {what}"),
                "try a login",
            );
        }
        Err(why) => report.problem(
            Id::ProviderTokenEndpoint,
            area,
            &format!("its token endpoint cannot be reached: {why}"),
            "check that this machine can reach it",
        ),
    }
}

/// Reports the difference to the provider's clock.
async fn clocks(providers: &OidcProviders, id: &ProviderId, provider: &OidcProvider, clock: &dyn Clock, area: &str, report: &mut Report) {
    let Some(theirs) = providers.time_at(id).await else {
        return report.warning(Id::ProviderClock, area, "its clock cannot be read", "no action while logins work");
    };
    super::clocks(theirs.duration_since(clock.now()), provider.skew_seconds, area, report);
}
