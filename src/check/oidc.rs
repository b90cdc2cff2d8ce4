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
const ROLL: &str =
    "make new keys with `os2nykode oidc keygen`, wait until the providers have read /oidc/jwks, then `os2nykode oidc rollover` and restart";

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
                    report.warning(Id::ProviderKeysEnd, &area, &format!("our certificate ends on {}", super::day(end)), ROLL);
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
                    let what = "no login of it is enough to set a password on any account";
                    report.warning(Id::ProviderResetsNobody, &area, what, "correct its levels, or [reset] and [[reset.group]]");
                }
            }
            Err(error) => report.problem(Id::ProviderUnusable,
                &area,
                &format!("what it says of itself can't be used: {error}"),
                "see that this machine may reach <issuer>/.well-known/openid-configuration, and that issuer is written as the provider writes it",
            ),
        }
    }
}

fn advice(error: &OidcError) -> &'static str {
    match error {
        OidcError::Keys(_) => "make keys with `os2nykode oidc keygen`, as the user that the service runs as",
        OidcError::Http(_) => "correct oidc.ca_file, or leave it out to use the system's",
    }
}

/// Compares a provider's discovery document with the configuration.
fn good(provider: &OidcProvider, known: &DiscoveredProvider, area: &str, report: &mut Report) {
    let count = known.keys.len();
    let keys = if count == 1 { "key" } else { "keys" };
    let pushed = if known.par.is_some() && provider.par { "; requests are pushed" } else { "" };
    report.ok(area, &format!("{} can be used, with {count} signing {keys}{pushed}", provider.issuer));
    let method = match provider.client_auth {
        ClientAuth::Basic(_) => "client_secret_basic",
        ClientAuth::Post(_) => "client_secret_post",
        ClientAuth::PrivateKeyJwt { .. } => "private_key_jwt",
    };
    // Without the list the default is client_secret_basic (Discovery 1.0, section 3).
    let takes =
        if known.auth_methods.is_empty() { method == "client_secret_basic" } else { known.auth_methods.iter().any(|m| m == method) };
    if !takes {
        let what = format!("it does not name {method} among the ways to show who we are: {}", known.auth_methods.join(", "));
        report.warning(Id::ProviderClientAuth, area, &what, "set client_auth to one of those");
    }
    let ours: Vec<_> = provider.algorithms.iter().map(|algorithm| format!("{algorithm:?}")).collect();
    if !known.algorithms.iter().any(|algorithm| ours.contains(algorithm)) {
        let what = format!("it signs with {} and we take {}", known.algorithms.join(", "), ours.join(", "));
        report.problem(Id::ProviderAlgorithms, area, &what, "let the provider sign with one that is taken, or widen algorithms");
    }
    if (provider.prompt_login || provider.max_age_seconds.is_some()) && !provider.require_auth_time {
        let what = "a fresh login is asked for, but a token that does not say when it was is taken too";
        report.warning(
            Id::ProviderAuthTime,
            area,
            what,
            "set require_auth_time = true where the provider tells the time of the login (auth_time names the claim)",
        );
    }
    if !provider.prompt_login && provider.max_age_seconds.is_none() {
        let what = "no fresh login is asked for: whoever sits at a browser with a session there is taken for its owner";
        report.warning(Id::ProviderNoFreshLogin, area, what, "set prompt_login = true");
    }
    if known.end_session.is_none() {
        report.warning(
            Id::ProviderNoLogout,
            area,
            "it takes no logouts",
            "people are told to close the browser on a shared computer; nothing has to be done",
        );
    }
    if known.backchannel_logout {
        report.ok(area, "it can tell of logouts: let it know <public_url>/oidc/logout/<id>");
    }
}

/// Checks our credentials as far as possible without a user: providers refuse an invalid code in another way than an unknown client.
async fn credentials(providers: &OidcProviders, provider: &OidcProvider, now: Timestamp, area: &str, report: &mut Report) {
    let mut random = [0; 16];
    if ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut random).is_err() {
        return report.problem(Id::NoRandomness, area, "this machine gives no random numbers", "run the check again");
    }
    match providers.recognised(&provider.common.id, now, random).await {
        Ok(Recognised::Yes) => report.ok(area, "it takes our credentials"),
        Ok(Recognised::No(word)) => report.problem(
            Id::ProviderCredentialsRefused,
            area,
            &format!("it does not take our credentials ({word})"),
            "compare client_id, client_auth and the secret or our keys (/oidc/jwks) with what the provider has",
        ),
        Ok(Recognised::Unclear(what)) => {
            report.warning(
                Id::ProviderCredentialsUnclear,
                area,
                &format!("whether it takes our credentials is not clear: {what}"),
                "try a login",
            );
        }
        Err(why) => report.problem(
            Id::ProviderTokenEndpoint,
            area,
            &format!("its token endpoint can't be asked: {why}"),
            "see that this machine may reach it",
        ),
    }
}

/// Reports the difference to the provider's clock.
async fn clocks(providers: &OidcProviders, id: &ProviderId, provider: &OidcProvider, clock: &dyn Clock, area: &str, report: &mut Report) {
    let Some(theirs) = providers.time_at(id).await else {
        return report.warning(Id::ProviderClock, area, "its clock could not be read", "nothing has to be done while logins work");
    };
    super::clocks(theirs.duration_since(clock.now()), provider.skew_seconds, area, report);
}
