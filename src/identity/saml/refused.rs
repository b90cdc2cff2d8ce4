//! Reasons for refusing SAML messages, each with a code for the log. The visitor sees the same page for all.

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $variant:ident = $code:literal),+ $(,)?) => {
        /// A reason for refusing a message.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
        pub enum Refused { $($(#[doc = $doc])* #[error($code)] $variant),+ }

        impl Refused {
            /// All reasons.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Code in the audit log.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// Meaning in English, for a page. Empty where the code says it all.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*)),+ }.trim()
            }
        }
    };
}

reasons! {
    // Binding.
    /// Larger than the limit of its kind.
    TooLarge = "saml_too_large",
    NotBase64 = "saml_not_base64",
    /// Not compressed with deflate.
    NotDeflated = "saml_not_deflated",
    NotUtf8 = "saml_not_utf8",
    /// No login in progress in this browser, or too old.
    NotAsked = "saml_not_asked",
    /// The provider of the login is not usable now.
    ProviderUnusable = "saml_provider_unusable",

    // Screening.
    NotXml = "saml_not_xml",
    /// A DTD, comment, CDATA section or processing instruction.
    Markup = "saml_markup",
    /// A namespace declaration that is reserved, empty or not an absolute address.
    Namespace = "saml_namespace",
    /// More nested than any real message.
    TooDeep = "saml_too_deep",
    /// More elements, attributes or namespaces than any real message.
    TooMany = "saml_too_many_nodes",
    /// Unexpected root element.
    Root = "saml_root",
    /// Not exactly one assertion, plain or encrypted.
    AssertionCount = "saml_assertion_count",
    /// The assertion is not a child of the Response.
    AssertionPlace = "saml_assertion_place",
    /// A signature at an unexpected place.
    SignaturePlace = "saml_signature_place",
    /// Two signatures of one element.
    SignatureCount = "saml_signature_count",
    /// A signature with unexpected parts.
    SignatureShape = "saml_signature_shape",
    /// A signature of another element than its parent.
    Reference = "saml_reference",
    /// A transform other than enveloped-signature and exclusive canonicalisation.
    Transform = "saml_transform",
    /// A canonicalisation other than the exclusive one.
    Canonicalization = "saml_canonicalization",
    /// Unlisted signature algorithm.
    SignatureAlgorithm = "saml_signature_algorithm",
    /// Unlisted digest algorithm.
    DigestAlgorithm = "saml_digest_algorithm",
    /// KeyInfo contains something other than certificates.
    KeyInfo = "saml_key_info",
    /// An ID that is missing, malformed or repeated.
    Id = "saml_id",

    // Signature and encryption.
    /// Neither the Response nor the Assertion is signed.
    Unsigned = "saml_unsigned",
    /// No key of the provider verifies the signature.
    Signature = "saml_signature",
    /// Unexpected structure of the encrypted part.
    EncryptionShape = "saml_encryption_shape",
    /// Unlisted algorithm of key encryption.
    KeyEncryption = "saml_key_encryption",
    /// Unlisted algorithm of content encryption.
    ContentEncryption = "saml_content_encryption",
    /// Our keys can't decrypt it.
    Undecipherable = "saml_undecipherable",
    /// The profile requires an encrypted assertion.
    NotEncrypted = "saml_not_encrypted",

    // Content of the message.
    /// Another version than 2.0.
    Version = "saml_version",
    /// Another issuer than the provider of the request.
    Issuer = "saml_issuer",
    /// Addressed to another receiver.
    Destination = "saml_destination",
    /// No status, or a status of failure with an assertion.
    Status = "saml_status",
    /// An answer to another request.
    InResponseTo = "saml_in_response_to",
    /// Issued before the request or in the future.
    IssueInstant = "saml_issue_instant",
    /// A malformed time.
    Time = "saml_time",
    /// No subject, or an encrypted or unknown one.
    Subject = "saml_subject",
    /// Not exactly one bearer confirmation.
    Confirmation = "saml_confirmation",
    /// Confirmed for another recipient.
    Recipient = "saml_recipient",
    /// The confirmation has expired, or has no end or a NotBefore.
    ConfirmationTime = "saml_confirmation_time",
    /// Not exactly one set of conditions.
    Conditions = "saml_conditions",
    /// An unknown condition.
    UnknownCondition = "saml_unknown_condition",
    /// Not yet valid.
    NotYet = "saml_not_yet",
    /// Expired.
    Expired = "saml_expired",
    /// For another audience.
    Audience = "saml_audience",
    /// Not exactly one AuthnStatement.
    AuthnStatement = "saml_authn_statement",
    /// No fresh authentication.
    NotFresh = "saml_not_fresh",
    /// The provider's session has expired.
    SessionOver = "saml_session_over",
    /// An unknown statement or part.
    UnknownStatement = "saml_unknown_statement",
    /// More or fewer attribute statements than the profile permits.
    Attributes = "saml_attributes",
    /// The profile's specVersion is missing or not accepted.
    SpecVersion = "saml_spec_version",
    /// An attribute lacks a value that the configuration requires.
    Required = "saml_required_attribute",
    /// The claim that leads to accounts is missing.
    NoClaim = "saml_no_claim",
    /// The claim that leads to accounts is ambiguous or malformed.
    Claim = "saml_claim",
    /// Used before.
    Replayed = "saml_replayed",

    // Logout.
    /// Too many logout messages are waiting.
    Busy = "saml_busy",
    /// A logout without a subject.
    LogoutSubject = "saml_logout_subject",
    /// A malformed query or form.
    Query = "saml_query",
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_reason_has_a_word_of_its_own() {
        let codes: HashSet<_> = Refused::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Refused::ALL.len());
    }
}
