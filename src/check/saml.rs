//! Check of SAML providers: our keys, their metadata, and its fit with the configuration.

use jiff::{SignedDuration, Timestamp};

use super::{Id, Options, Report, can_reset, day, needs};
use crate::{
    clock::Clock,
    config::{Config, MetadataSource, SamlProvider},
    identity::saml::{SamlError, SamlProviders, metadata::Metadata},
};

const AREA: &str = "saml";
/// A certificate or metadata that expires within this time is reported.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Checks all selected providers. An unusable one does not stop the others.
pub(super) async fn check(config: &Config, options: &Options, clock: &dyn Clock, report: &mut Report) {
    let now = clock.now();
    let providers = match SamlProviders::start(&config.saml, &config.server.public_url, now) {
        Ok(Some(providers)) => providers,
        Ok(None) => return,
        Err(error) => return report.problem(Id::ProviderSetup, AREA, &error.to_string(), advice(&error)),
    };
    for (name, pair) in providers.keys.published() {
        let area = format!("saml {name}");
        match pair.expires() {
            Some(end) if end <= now => {
                report.warning(Id::ProviderKeysEnd, &area, &format!("the service's certificate expired on {}", day(end)), ROLL);
            }
            Some(end) if end < now + SOON => {
                report.warning(Id::ProviderKeysEnd, &area, &format!("the service's certificate expires on {}", day(end)), ROLL);
            }
            Some(end) => report.ok(&area, &format!("RSA key of {} bits, its certificate is valid until {}", pair.key().bits(), day(end))),
            None => report.warning(Id::ProviderKeysEnd, &area, "the expiry of the service's certificate cannot be read", ROLL),
        }
    }
    for provider in config.saml.providers.iter().filter(|provider| options.wants(&provider.common)) {
        let area = format!("saml {}", provider.common.id);
        match providers.look(&provider.common.id, now).await {
            Ok(metadata) => {
                good(config, provider, &metadata, &area, now, report);
                needs::of_saml(provider, &area, report);
                if let Some(theirs) = providers.time_at(&provider.common.id).await {
                    super::clocks(theirs.duration_since(clock.now()), provider.skew_seconds, &area, report);
                }
            }
            Err(error) => {
                let where_from = match &provider.metadata {
                    MetadataSource::File(_) => "put the provider's metadata in metadata_file",
                    MetadataSource::Url(_) => {
                        "check that this machine can reach metadata_url; until then the last good copy, if stored, is used"
                    }
                };
                report.problem(Id::ProviderUnusable, &area, &format!("its metadata is not usable: {error}"), where_from);
            }
        }
    }
}

const ROLL: &str = "create new keys with `os2nykode saml keygen`, wait until the providers have read the service's metadata, then `os2nykode saml rollover` and restart";

fn advice(error: &SamlError) -> &'static str {
    match error {
        SamlError::Keys(_) => "create keys with `os2nykode saml keygen`, as the service's user",
        SamlError::Http(_) => "correct saml.ca_file, or remove it to use the system's certificates",
        SamlError::Certificate(..) | SamlError::CertificateKey(_) => "correct metadata_certificate_file",
    }
}

fn good(config: &Config, provider: &SamlProvider, metadata: &Metadata, area: &str, now: Timestamp, report: &mut Report) {
    let count = metadata.keys.len();
    let algorithm = if provider.pss { "RSASSA-PSS with SHA-256" } else { "RSA-SHA256" };
    let keys = if count == 1 { "key" } else { "keys" };
    report.ok(
        area,
        &format!("{} is usable, with {count} signing {keys}; the service signs requests to it with {algorithm}", metadata.entity_id),
    );
    match metadata.first_expiry() {
        Some(end) if end <= now => {
            report.warning(
                Id::ProviderTheirKeysEnd,
                area,
                &format!("a signing certificate expired on {}", day(end)),
                "ask the provider for its new one; its key is still trusted",
            );
        }
        Some(end) if end < now + SOON => {
            report.warning(
                Id::ProviderTheirKeysEnd,
                area,
                &format!("a signing certificate expires on {}", day(end)),
                "ask the provider when its new one will be in its metadata",
            );
        }
        Some(_) | None => {}
    }
    if let Some(end) = metadata.valid_until.filter(|end| *end < now + SOON) {
        report.warning(
            Id::ProviderMetadataEnds,
            area,
            &format!("its metadata is valid until {} only", day(end)),
            "read it from an address (metadata_url), so that it is renewed",
        );
    }
    if matches!(provider.metadata, MetadataSource::Url(_)) && provider.metadata_certificate_file.is_none() {
        let what = "its metadata comes from an address, and its signature is not verified";
        report.warning(
            Id::ProviderMetadataUnsigned,
            area,
            what,
            "set metadata_certificate_file if the provider signs its metadata; otherwise only TLS protects it",
        );
    }
    if metadata.log_out.redirect.is_none() && metadata.log_out.post.is_none() {
        report.warning(
            Id::ProviderNoLogout,
            area,
            "it supports no logout",
            "no action: the page asks people on a shared computer to close the browser",
        );
    }
    if !can_reset(config, &provider.common) {
        let what = "none of its logins suffices to set a password on any account";
        report.warning(Id::ProviderResetsNobody, area, what, "correct its levels, or [reset] and [[reset.group]]");
    }
}
