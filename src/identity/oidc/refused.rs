//! Why an answer of a provider leads nowhere. One word each for the log; the visitor sees one plain page for most.

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refused {
    /// Nobody asked for it: another browser, another provider, too late, or used.
    NotAsked,
    /// The same answer came before.
    Replayed,
    /// Its parameters can't be read.
    Query,
    /// `iss` of the answer is missing or another's (RFC 9207).
    AnswerIssuer,
    /// The provider does not know the code, or gave it for another request, client or address.
    Code,
    /// It came without an ID token.
    NoIdToken,
    /// It is no JWT.
    NotJwt,
    /// An algorithm that is not listed, or none.
    Algorithm,
    /// The JWT is of another type, or demands what we do not know (`typ`, `cty`, `crit`).
    Type,
    /// It has to be encrypted, or must not be.
    Encryption,
    /// It can't be decrypted with our keys.
    Undecipherable,
    /// No key of the provider's fits.
    Key,
    /// The signature is wrong.
    Signature,
    /// `iss` of the token.
    Issuer,
    /// `aud`.
    Audience,
    /// `azp`.
    AuthorizedParty,
    /// `exp`.
    Expired,
    /// `iat` is missing, from before the request, or from the future.
    IssuedAt,
    /// `nbf`.
    NotYet,
    /// `nonce`.
    Nonce,
    /// `auth_time` is missing, older than the login that was asked for, or from the future.
    AuthTime,
    /// `at_hash` is another access token's.
    AccessTokenHash,
    /// `sub` is missing, or of another person in UserInfo.
    Subject,
    /// UserInfo can't be read.
    Userinfo,
    /// A value that is not of the kind that leads to accounts.
    Claim,
    /// What leads to accounts is missing.
    NoClaim,
    /// A required value is missing or another.
    Required,
    /// The level is below the provider's minimum.
    Level,
    /// A logout token without its event, with a nonce, or about nobody.
    LogoutToken,
}

impl Refused {
    /// All.
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

    /// The word in the audit log and in metrics.
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

impl Refused {
    /// The claim or parameter that each is about, and the check that it failed, where there is only one.
    fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::NotAsked => ("state", "nobody asked for this answer, or too long ago"),
            Self::Replayed => ("", "came before"),
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
            Self::Audience => ("aud", "does not name us, or names somebody who is not in additional_audiences"),
            Self::AuthorizedParty => ("azp", "is not our client_id, which it has to be where aud names several"),
            Self::Expired => ("exp", "is over, or no number"),
            Self::IssuedAt => ("iat", "is no number, before the request, or in the future"),
            Self::NotYet => ("nbf", "is in the future, or no time"),
            Self::Nonce => ("nonce", "is not the one that was sent"),
            Self::AuthTime => ("auth_time", "is missing"),
            Self::AccessTokenHash => ("at_hash", "is another access token's"),
            Self::Subject => ("sub", "is missing, or another in UserInfo than in the ID token"),
            Self::Userinfo => ("", "UserInfo is of another type than configured, or no JSON object"),
            Self::Claim => ("", "is nothing that leads to accounts"),
            Self::NoClaim => ("", "is missing, empty, no text, or more than one"),
            Self::Required => ("", "does not have a required value"),
            Self::Level => ("", "the level is below minimum_level"),
            Self::LogoutToken => ("events", "is no logout's"),
        }
    }

    /// With the field that decided and the check that it failed.
    pub fn of(self, field: &str, check: &'static str) -> Denied {
        Denied { refused: self, field: field.to_owned(), check }
    }
}

/// A refusal as our log tells it: never with a value, which may be a person's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Why.
    pub refused: Refused,
    /// The claim, field or parameter that decided; empty where it is none of them alone.
    pub field: String,
    /// The check that it failed.
    pub check: &'static str,
}

impl From<Refused> for Denied {
    fn from(refused: Refused) -> Self {
        let (field, check) = refused.about();
        refused.of(field, check)
    }
}

/// Why a step on the way to a login ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The answer leads nowhere.
    Refused(Denied),
    /// The provider can't be used or did not do its part. The text is for our log; it holds no token and no person.
    Provider(String),
}

impl Trouble {
    /// Is it because of this?
    pub fn is(&self, why: Refused) -> bool {
        match self {
            Self::Refused(denied) => denied.refused == why,
            Self::Provider(_) => false,
        }
    }
}

impl From<Denied> for Trouble {
    fn from(denied: Denied) -> Self {
        Self::Refused(denied)
    }
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused.into())
    }
}
