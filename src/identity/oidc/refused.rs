//! Refusals of a provider's answers. The log has a code for each; the visitor sees the same page for most.

/// Reasons for refusing an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OidcRefused {
    /// No such request: from another browser or provider, too late, or already answered.
    NotAsked,
    /// The answer was used before.
    Replayed,
    /// Its parameters are malformed.
    Query,
    /// `iss` of the answer is missing or names another issuer (RFC 9207).
    AnswerIssuer,
    /// The provider does not accept the code, or issued it for another request, client or address.
    Code,
    /// The answer to the code has no ID token.
    NoIdToken,
    /// Not a JWT.
    NotJwt,
    /// The algorithm is not configured, or `none`.
    Algorithm,
    /// The JWT has another type, or requires unknown extensions (`typ`, `cty`, `crit`).
    Type,
    /// The token is encrypted against the configuration, or not encrypted.
    Encryption,
    /// Our keys can't decrypt it.
    Undecipherable,
    /// No key of the provider fits.
    Key,
    Signature,
    /// `iss` of the token is not the configured issuer.
    Issuer,
    /// `aud` lacks us, or names an unknown party.
    Audience,
    /// `azp` is not our client id.
    AuthorizedParty,
    /// `exp` has passed or is unreadable.
    Expired,
    /// `iat` is missing, before the request, or in the future.
    IssuedAt,
    /// `nbf` is in the future or unreadable.
    NotYet,
    /// `nonce` differs from the request's.
    Nonce,
    /// `auth_time` is missing, older than the requested login, or in the future.
    AuthTime,
    /// `at_hash` belongs to another access token.
    AccessTokenHash,
    /// `sub` is missing, or differs in UserInfo.
    Subject,
    /// UserInfo is malformed.
    Userinfo,
    /// The claim has the wrong format for its kind.
    Claim,
    /// The claim that leads to accounts is missing.
    NoClaim,
    /// A required value is missing or different.
    Required,
    /// The level is below the provider's minimum.
    Level,
    /// A logout token without its event, with a nonce, or without person and session.
    LogoutToken,
}

impl OidcRefused {
    pub const ALL: [Self; 29] = [
        Self::NotAsked,
        Self::Replayed,
        Self::Query,
        Self::AnswerIssuer,
        Self::Code,
        Self::NoIdToken,
        Self::NotJwt,
        Self::Algorithm,
        Self::Type,
        Self::Encryption,
        Self::Undecipherable,
        Self::Key,
        Self::Signature,
        Self::Issuer,
        Self::Audience,
        Self::AuthorizedParty,
        Self::Expired,
        Self::IssuedAt,
        Self::NotYet,
        Self::Nonce,
        Self::AuthTime,
        Self::AccessTokenHash,
        Self::Subject,
        Self::Userinfo,
        Self::Claim,
        Self::NoClaim,
        Self::Required,
        Self::Level,
        Self::LogoutToken,
    ];

    /// Code in the audit log and in metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAsked => "oidc_not_asked",
            Self::Replayed => "oidc_replayed",
            Self::Query => "oidc_query",
            Self::AnswerIssuer => "oidc_answer_issuer",
            Self::Code => "oidc_code",
            Self::NoIdToken => "oidc_no_id_token",
            Self::NotJwt => "oidc_not_jwt",
            Self::Algorithm => "oidc_algorithm",
            Self::Type => "oidc_type",
            Self::Encryption => "oidc_encryption",
            Self::Undecipherable => "oidc_undecipherable",
            Self::Key => "oidc_key",
            Self::Signature => "oidc_signature",
            Self::Issuer => "oidc_issuer",
            Self::Audience => "oidc_audience",
            Self::AuthorizedParty => "oidc_azp",
            Self::Expired => "oidc_expired",
            Self::IssuedAt => "oidc_issued_at",
            Self::NotYet => "oidc_not_yet",
            Self::Nonce => "oidc_nonce",
            Self::AuthTime => "oidc_auth_time",
            Self::AccessTokenHash => "oidc_at_hash",
            Self::Subject => "oidc_subject",
            Self::Userinfo => "oidc_userinfo",
            Self::Claim => "oidc_claim",
            Self::NoClaim => "oidc_no_claim",
            Self::Required => "oidc_required",
            Self::Level => "oidc_level",
            Self::LogoutToken => "oidc_logout_token",
        }
    }
}

impl OidcRefused {
    /// Claim or parameter that is concerned, and the failed check, if there is only one.
    fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::NotAsked => ("state", "belongs to no login in progress"),
            Self::Replayed => ("", "was used before"),
            Self::Query => ("", "its parameters can't be read"),
            Self::AnswerIssuer => ("iss", "is missing in the answer, or is not the configured issuer"),
            Self::Code => ("code", "is not taken by the token endpoint"),
            Self::NoIdToken => ("id_token", "is missing in the token endpoint's answer"),
            Self::NotJwt => ("", "is no JWT"),
            Self::Algorithm => ("alg", "is not one of the configured algorithms"),
            Self::Type => ("typ", "is another kind of token, or the header demands what is not known here (cty, crit)"),
            Self::Encryption => {
                ("id_token", "is encrypted against the configuration, or is not, or in another way than RSA-OAEP-256 with A256GCM")
            }
            Self::Undecipherable => ("id_token", "can't be decrypted with our keys"),
            Self::Key => ("kid", "names no key of the provider that fits, or more than one"),
            Self::Signature => ("", "its signature is wrong"),
            Self::Issuer => ("iss", "is not the configured issuer, letter by letter"),
            Self::Audience => ("aud", "does not name us, or names a party that is not in additional_audiences"),
            Self::AuthorizedParty => ("azp", "is not our client_id, which it has to be where aud names several"),
            Self::Expired => ("exp", "is over, or no number"),
            Self::IssuedAt => ("iat", "is no number, before the request, or in the future"),
            Self::NotYet => ("nbf", "is in the future, or no time"),
            Self::Nonce => ("nonce", "is not the one that was sent"),
            Self::AuthTime => ("auth_time", "is missing"),
            Self::AccessTokenHash => ("at_hash", "is another access token's"),
            Self::Subject => ("sub", "is missing, or another in UserInfo than in the ID token"),
            Self::Userinfo => ("", "UserInfo is of another type than configured, or no JSON object"),
            Self::Claim => ("", "has the wrong format"),
            Self::NoClaim => ("", "is missing, empty, no text, or more than one"),
            Self::Required => ("", "does not have a required value"),
            Self::Level => ("", "the level is below minimum_level"),
            Self::LogoutToken => ("events", "is not a logout event"),
        }
    }

    /// With the field that decided and the failed check.
    pub fn of(self, field: &str, check: &'static str) -> Denied {
        Denied { refused: self, field: field.to_owned(), check }
    }
}

/// A refusal for the log. It holds no value, because that may be personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    pub refused: OidcRefused,
    /// Claim, field or parameter that decided; empty if no single one did.
    pub field: String,
    /// The failed check.
    pub check: &'static str,
}

impl From<OidcRefused> for Denied {
    fn from(refused: OidcRefused) -> Self {
        let (field, check) = refused.about();
        refused.of(field, check)
    }
}

/// Reasons why a login stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OidcLoginError {
    /// The answer is refused.
    Refused(Denied),
    /// The provider is unusable or failed. The text is for the log and holds no token or personal data.
    Provider(String),
}

impl OidcLoginError {
    /// Whether the reason is this refusal.
    pub fn is(&self, why: OidcRefused) -> bool {
        match self {
            Self::Refused(denied) => denied.refused == why,
            Self::Provider(_) => false,
        }
    }
}

impl From<Denied> for OidcLoginError {
    fn from(denied: Denied) -> Self {
        Self::Refused(denied)
    }
}

impl From<OidcRefused> for OidcLoginError {
    fn from(refused: OidcRefused) -> Self {
        Self::Refused(refused.into())
    }
}
