//! Claims and attributes that the configuration needs from a provider, compared with the provider's published lists. No login is made.

use super::{Id, Report};
use crate::{
    config::{LevelSource, ListOf, OidcProvider, SamlProvider, Source},
    identity::oidc::discovery::DiscoveredProvider,
};

/// Reports the needs of an OpenID provider, and those missing in its discovery document.
pub(super) fn of_oidc(provider: &OidcProvider, known: &DiscoveredProvider, area: &str, report: &mut Report) {
    let mut needs = vec![format!("{} (the {} of the person)", provider.claim, provider.common.match_by.code())];
    if let LevelSource::Said(sources) = &provider.level {
        let fields: Vec<_> = sources.iter().map(|(field, values)| format!("{field} ({})", words(values.keys()))).collect();
        needs.push(format!("a level in {}", fields.join(" or ")));
    }
    for required in &provider.require {
        let how = match (required.or_absent, required.list) {
            (true, _) => "optional, ",
            (false, ListOf::Any) => "in a list, ",
            (false, ListOf::Only) => "",
        };
        needs.push(format!("{} ({how}{})", required.field, words(required.values.iter())));
    }
    let fresh = provider.require_auth_time && (provider.prompt_login || provider.max_age_seconds.is_some());
    if fresh {
        needs.push(format!("{} (the time of the login)", provider.auth_time));
    }
    report.ok(area, &format!("a login has to contain: {}", needs.join("; ")));

    let fields = provider.fields().filter(|field| **field != provider.reference && Some(*field) != provider.name.as_ref());
    let mut claims: Vec<String> = fields.map(|field| field.steps().0).collect();
    claims.extend(fresh.then(|| provider.auth_time.clone()));
    lacks(&known.claims, claims, |missing| {
        let what = format!("its discovery document does not list these claims: {missing}");
        let advice = "order them there (a scope, a mapper, an optional claim; docs/providers has a page for each provider). Some providers list only few of the claims that they send";
        report.warning(Id::ProviderClaims, area, &what, advice);
    });
    lacks(&known.scopes, provider.scopes.clone(), |missing| {
        let what = format!("its discovery document does not list these scopes: {missing}");
        report.warning(
            Id::ProviderScopes,
            area,
            &what,
            "check that this client may use them: at some providers a forbidden scope fails every login",
        );
    });
}

/// Reports the needs of a SAML provider. Its metadata rarely lists attributes, so they are not compared.
pub(super) fn of_saml(provider: &SamlProvider, area: &str, report: &mut Report) {
    let from = match &provider.claim {
        Source::NameId => "NameID",
        Source::Attribute(name) => name,
    };
    let mut needs = vec![format!("{from} (the {} of the person)", provider.common.match_by.code())];
    if let LevelSource::Said(sources) = &provider.level {
        let attributes: Vec<_> = sources.iter().map(|(attribute, values)| format!("{attribute} ({})", words(values.keys()))).collect();
        needs.push(format!("a level in {}", attributes.join(" or ")));
    }
    needs.extend(provider.require.iter().map(|(attribute, values)| format!("{attribute} ({})", words(values.iter()))));
    report.ok(area, &format!("a login has to contain: {}", needs.join("; ")));
}

/// Passes the wanted items that the provider's list lacks to `tell`. A provider without a list lacks none.
fn lacks(offered: &[String], wanted: Vec<String>, tell: impl FnOnce(&str)) {
    let missing: std::collections::BTreeSet<_> = wanted.into_iter().filter(|word| !offered.contains(word)).collect();
    if !offered.is_empty() && !missing.is_empty() {
        tell(&missing.into_iter().collect::<Vec<_>>().join(", "));
    }
}

fn words<'w>(words: impl Iterator<Item = &'w String>) -> String {
    words.map(String::as_str).collect::<Vec<_>>().join(", ")
}
