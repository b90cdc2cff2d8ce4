//! Why a message was refused: for the log, each reason a word of its own. The visitor sees one plain page whatever it was.

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal),+ $(,)?) => {
        /// A reason to refuse a message.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
        pub enum Refused { $($(#[$doc])* #[error($code)] $variant),+ }

        impl Refused {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word in the audit log.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }
    };
}

reasons! {
    // The envelope.
    /// More than [`super::xml::LARGEST`] bytes.
    TooLarge = "saml_too_large",
    /// Not base64.
    NotBase64 = "saml_not_base64",
    /// Not deflated, or more than it may become.
    NotDeflated = "saml_not_deflated",
    /// Not UTF-8.
    NotUtf8 = "saml_not_utf8",
    /// No login was begun in this browser, or too long ago.
    NotAsked = "saml_not_asked",
    /// The login was begun at a provider that can't be used now.
    ProviderUnusable = "saml_provider_unusable",

    // The screen.
    /// Not well-formed XML.
    NotXml = "saml_not_xml",
    /// A DTD, comment, CDATA section or processing instruction.
    Markup = "saml_markup",
    /// A namespace declaration that is reserved, empty or no absolute address.
    Namespace = "saml_namespace",
    /// Deeper than any real message.
    TooDeep = "saml_too_deep",
    /// More elements, attributes or namespaces than any real message.
    TooMany = "saml_too_many_nodes",
    /// The outermost element is another.
    Root = "saml_root",
    /// Not exactly one assertion, plain or encrypted.
    AssertionCount = "saml_assertion_count",
    /// The assertion is no child of the Response.
    AssertionPlace = "saml_assertion_place",
    /// A signature where none may be.
    SignaturePlace = "saml_signature_place",
    /// Two signatures of one element.
    SignatureCount = "saml_signature_count",
    /// A signature with other parts than it needs.
    SignatureShape = "saml_signature_shape",
    /// A signature of something other than its parent.
    Reference = "saml_reference",
    /// A transform other than enveloped-signature and exclusive canonicalisation.
    Transform = "saml_transform",
    /// Another canonicalisation than the exclusive one.
    Canonicalization = "saml_canonicalization",
    /// A signature algorithm that is not listed.
    SignatureAlgorithm = "saml_signature_algorithm",
    /// A digest algorithm that is not listed.
    DigestAlgorithm = "saml_digest_algorithm",
    /// KeyInfo holds something other than certificates.
    KeyInfo = "saml_key_info",
    /// An ID that is missing, no name, or there twice.
    Id = "saml_id",

    // Signature and encryption.
    /// Neither the Response nor the Assertion is signed.
    Unsigned = "saml_unsigned",
    /// No key of the provider has made this signature.
    Signature = "saml_signature",
    /// The encrypted part has not the shape that it needs.
    EncryptionShape = "saml_encryption_shape",
    /// A way to encrypt keys that is not listed.
    KeyEncryption = "saml_key_encryption",
    /// A way to encrypt content that is not listed.
    ContentEncryption = "saml_content_encryption",
    /// It can't be decrypted with our keys.
    Undecipherable = "saml_undecipherable",
    /// The profile demands an encrypted assertion.
    NotEncrypted = "saml_not_encrypted",

    // What the message says.
    /// A version other than 2.0.
    Version = "saml_version",
    /// Another issuer than the provider that was asked.
    Issuer = "saml_issuer",
    /// Made for another address.
    Destination = "saml_destination",
    /// No status, or a failure with an assertion.
    Status = "saml_status",
    /// An answer to another request.
    InResponseTo = "saml_in_response_to",
    /// Issued before it was asked for, or in the future.
    IssueInstant = "saml_issue_instant",
    /// A time that can't be read.
    Time = "saml_time",
    /// No subject, or an encrypted or unknown one.
    Subject = "saml_subject",
    /// Not exactly one bearer confirmation.
    Confirmation = "saml_confirmation",
    /// Confirmed for another recipient.
    Recipient = "saml_recipient",
    /// The confirmation is over, has no end, or has a beginning.
    ConfirmationTime = "saml_confirmation_time",
    /// No conditions, or more than one set.
    Conditions = "saml_conditions",
    /// A condition that we do not know.
    UnknownCondition = "saml_unknown_condition",
    /// Not valid yet.
    NotYet = "saml_not_yet",
    /// Not valid any more.
    Expired = "saml_expired",
    /// Not made for us.
    Audience = "saml_audience",
    /// Not exactly one AuthnStatement.
    AuthnStatement = "saml_authn_statement",
    /// The person did not show who they are afresh.
    NotFresh = "saml_not_fresh",
    /// The provider's session is over.
    SessionOver = "saml_session_over",
    /// A statement or another part that we do not know.
    UnknownStatement = "saml_unknown_statement",
    /// More or fewer attribute statements than the profile has.
    Attributes = "saml_attributes",
    /// The profile's specVersion is missing or not accepted.
    SpecVersion = "saml_spec_version",
    /// An attribute has not the value that the configuration demands.
    Required = "saml_required_attribute",
    /// What leads to accounts is missing.
    NoClaim = "saml_no_claim",
    /// What leads to accounts is there more than once, or is no such thing.
    Claim = "saml_claim",
    /// It was used before.
    Replayed = "saml_replayed",

    // Logout.
    /// So many messages about logouts wait already that this one is not looked at.
    Busy = "saml_busy",
    /// A logout for somebody or something that is not named.
    LogoutSubject = "saml_logout_subject",
    /// A query that can't be read.
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
