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

/// Why a step on the way to a login ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The answer leads nowhere.
    Refused(Refused),
    /// The provider can't be used or did not do its part. The text is for our log; it holds no token and no person.
    Provider(String),
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}
