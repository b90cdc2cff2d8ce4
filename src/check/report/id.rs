//! Ids of the check's findings, each with its consequence for people.
//!
//! The ids are public: monitoring uses them. `docs/troubleshooting.md` has a row for each; a test compares ids and meanings.

use serde::{Serialize, Serializer};

macro_rules! ids {
    ($($variant:ident $code:literal $meaning:literal)*) => {
        /// Id of a finding. The documentation of each variant is its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Id {
            $(#[doc = $meaning] $variant,)*
        }

        impl Id {
            /// All ids, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The stable code.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// Consequence for people, one sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                }
            }
        }
    };
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

ids! {
    // The database.
    StoreUnreachable "store_unreachable" "The service does not start; while it runs, nobody can log in or change a password."
    StoreFolderMissing "store_folder_missing" "The service does not start, because it can't make its database."
    StoreNotWritable "store_not_writable" "Nobody can log in: each login is written into the audit log first."
    StoreOlder "store_older" "Nothing is wrong: the next start of the service brings the tables up to date."
    StoreNewer "store_newer" "The service does not start, because it can't know what a newer version has written."
    StoreTlsWeak "store_tls_weak" "Somebody in between can read the database's password and change what is stored."

    // The audit log.
    AuditUnsigned "audit_unsigned" "Somebody with the database can rewrite the audit log unseen, and old entries are not deleted."
    AuditUnreadable "audit_unreadable" "Whether the audit log is whole is not known."
    AuditUnsealed "audit_unsealed" "New entries are not protected yet, and are not forwarded."
    AuditCheckpointMissing "audit_checkpoint_missing" "Entries may have been removed from the audit log unseen."
    AuditCheckpointForged "audit_checkpoint_forged" "Somebody has written into the database: the audit log can't be trusted."
    AuditCheckpointKeyUnknown "audit_checkpoint_key_unknown" "Either an earlier key is not configured, or somebody has written into the database."
    AuditGuardsMissing "audit_guards_missing" "The database would let somebody change or delete entries of the audit log."
    AuditCprKeyMissing "audit_cpr_key_missing" "CPR numbers of older entries can't be shown or searched for."
    ForwardingInClear "forwarding_in_clear" "Names and addresses in the log can be read, changed and swallowed on the way."
    ForwardingUnusable "forwarding_unusable" "The log stays here until this is mended; nothing is lost."
    ForwardingUnreachable "forwarding_unreachable" "The log stays here until the receiver is back; nothing is lost."

    // Our own web site.
    WebCertificateUnreadable "web_certificate_unreadable" "The service does not start, or after a renewal goes on with the old certificate until it ends."
    WebCertificateEnded "web_certificate_ended" "Browsers warn everybody, and nobody should go on."
    WebCertificateEnds "web_certificate_ends" "From that day on browsers warn everybody."
    WebCertificateName "web_certificate_name" "Browsers warn everybody, because the certificate is for another name."
    WebCertificateChain "web_certificate_chain" "Some browsers and phones, and the servers of identity providers, don't trust the site."
    WebKeyForeign "web_key_foreign" "The service does not start: the key belongs to another certificate."

    // Controllers.
    TrustUnusable "trust_unusable" "No controller can be trusted, so nobody can log in or change a password."
    NoControllerUsable "no_controller_usable" "Nobody can log in with an AD password or change one."
    ControllerNameUnknown "controller_name_unknown" "This controller is not used."
    ControllerUnreachable "controller_unreachable" "This controller is not used; each new connection to it costs the time-out."
    ControllerTlsStalls "controller_tls_stalls" "This controller is not used; each new connection to it costs the time-out."
    ControllerTransportWrong "controller_transport_wrong" "This controller is not used: it is spoken to in the wrong way."
    ControllerPortGlobalCatalog "controller_port_global_catalog" "Logins fail or passwords can't be set: a global catalog holds a part of each account, read-only."
    ControllerNotTls "controller_not_tls" "This controller is not used: something else than LDAP over TLS answers there."
    ControllerTlsVersion "controller_tls_version" "This controller is not used: it speaks TLS 1.1 or older only, which is broken."
    ControllerTlsCipher "controller_tls_cipher" "This controller is not used: it offers none of the ciphers that are still safe."
    ControllerTlsFailed "controller_tls_failed" "This controller is not used."
    ControllerStarttlsRefused "controller_starttls_refused" "This controller is not used: without TLS nothing is sent to it."
    ControllerCertificateMissing "controller_certificate_missing" "This controller is not used: it has no certificate to show."
    ControllerCertificateIssuer "controller_certificate_issuer" "This controller is not used: who issued its certificate is not known here."
    ControllerCertificateChain "controller_certificate_chain" "This controller is not used: between its certificate and the CA one is missing."
    ControllerCertificateName "controller_certificate_name" "This controller is not used: its certificate is for another name."
    ControllerCertificateNoSan "controller_certificate_no_san" "This controller is not used: the name on its certificate stands where nobody reads it any more."
    ControllerCertificateEnded "controller_certificate_ended" "This controller is not used until it has a new certificate."
    ControllerCertificateEnds "controller_certificate_ends" "From that day on this controller is not used."
    ControllerCertificateNotYet "controller_certificate_not_yet" "This controller is not used: its certificate begins later, or a clock is wrong."
    ControllerCertificateSha1 "controller_certificate_sha1" "This controller is not used: a certificate signed with SHA-1 can be forged."
    ControllerCertificateWeakKey "controller_certificate_weak_key" "This controller is not used: so short a key can be broken."
    ControllerCertificatePurpose "controller_certificate_purpose" "This controller is not used: its certificate was not made for servers."
    ControllerCertificateSelfSigned "controller_certificate_self_signed" "This controller is not used: a certificate that vouches for itself proves nothing."
    ControllerCertificateOther "controller_certificate_other" "This controller is not used: its certificate does not verify."
    ControllerNotLdap "controller_not_ldap" "This controller is not used: it does not answer as a domain controller does."
    ControllerFailed "controller_failed" "This controller may be slow or away for people, too."
    ControllerDomain "controller_domain" "People are not found there: it serves another domain."
    ControllerClock "controller_clock" "Ages of passwords and waits are told wrongly, and logins at identity providers may fail."
    ControllerClockUnreadable "controller_clock_unreadable" "Whether the clocks agree is not known."
    ControllerNoPolicyHints "controller_no_policy_hints" "A reset (not a change) can set a password that was used before."
    ControllerReadOnly "controller_read_only" "Passwords can't be set on this controller, so a change that begins there fails."
    PdcNotAmongControllers "pdc_not_among_controllers" "Wrong passwords that other controllers have counted are missed: an account can come closer to AD's lockout."
    BaseMissing "base_missing" "Nobody below it can log in or be found."
    BaseSpelling "base_spelling" "The directory spells this unit with other letters: nobody below it is recognised."

    // The service account.
    ServiceAccountWrong "service_account_wrong" "Nobody can log in or change a password; each try brings the service account nearer to its lockout."
    ServiceAccountLocked "service_account_locked" "Nobody can log in or change a password until it is unlocked."
    ServiceAccountDisabled "service_account_disabled" "Nobody can log in or change a password until it is enabled."
    ServiceAccountExpired "service_account_expired" "Nobody can log in or change a password until its end is moved."
    ServiceAccountPasswordExpired "service_account_password_expired" "Nobody can log in or change a password until it has a new one."
    ServiceAccountMustChange "service_account_must_change" "Nobody can log in or change a password until that mark is taken away."
    ServiceAccountRestricted "service_account_restricted" "Nobody can log in or change a password: AD lets the account in from elsewhere or at another time only."
    ServiceAccountRefused "service_account_refused" "Nobody can log in or change a password."
    ServiceAccountExpires "service_account_expires" "On that day everything stops: nobody can log in or change a password."
    ServiceAccountPasswordExpires "service_account_password_expires" "On that day everything stops: nobody can log in or change a password."
    ServiceAccountTooPowerful "service_account_too_powerful" "Whoever gets at this server gets the whole domain."
    ServiceAccountUnknown "service_account_unknown" "Its rights, and whether it ends some day, are not known."

    // Rights of the service account.
    SampleNotFound "sample_not_found" "What the service account may do was not looked at."
    SampleProtected "sample_protected" "Nothing is wrong: the service can't set passwords of administrators, on purpose."
    AttributeUnreadable "attribute_unreadable" "Nobody whose account is like this one can log in."
    AttributeMaybeUnreadable "attribute_maybe_unreadable" "A part is missing where people need it: a name, a rule or an end date is not shown or not checked."
    TokenGroupsUnreadable "token_groups_unreadable" "Rules for groups can't be applied, so nobody can change a password or act on others."
    PermissionsUnreadable "permissions_unreadable" "What the service account may do is not known before it fails."
    RightMissing "right_missing" "Resets, unlocking or \"must change at next logon\" fail for accounts like this one."
    UnexpirePasswordMissing "unexpire_password_missing" "People whose password was reset have to change it again at each logon."
    SearchBasesMissing "search_bases_missing" "The service reaches administrators' and service accounts, too; rights for all of them are more than it needs."
    PsoUnreadable "pso_unreadable" "Nobody to whom that policy applies can change a password."
    PsoMaybeUnreadable "pso_maybe_unreadable" "If the domain has such policies, people to whom they apply can't change their passwords."

    // Policies and names.
    DomainPolicyUnreadable "domain_policy_unreadable" "Nobody can change a password: the service never guesses a rule."
    PolicyContradiction "policy_contradiction" "Those people can't find any password that is taken."
    LockoutReserveTooLarge "lockout_reserve_too_large" "The configured number of tries can't be kept back from AD's lockout for those people."
    LockoutOneTry "lockout_one_try" "One slip of the keyboard, and those people have to wait until AD forgets it."
    GroupMissing "group_missing" "The rule that names the group stops what it is about, or allows nothing, until this is mended."
    GroupAmongCircles "group_among_circles" "Somebody may take it for a circle, and add people to it who then administer others."
    CirclesEmpty "circles_empty" "Password admins have nobody to act on."
    TeachersEmpty "teachers_empty" "By this rule nobody acts on pupils, and nobody is known for a teacher."
    NetbiosDomainWrong "netbios_domain_wrong" "Nobody can log in as DOMAIN\\name; a login without the domain works."
    ClaimAttributeUnknown "claim_attribute_unknown" "Nobody can log in by what is held against it."
    ClaimAttributeUnindexed "claim_attribute_unindexed" "Each such login makes the controller read all accounts: slow in a large domain, for everybody."

    // Identity providers.
    ProviderSetup "provider_setup" "Nobody can log in at these identity providers."
    ProviderUnusable "provider_unusable" "Nobody can log in at this provider, except where a last good copy of its metadata is kept."
    ProviderMetadataNotXml "provider_metadata_not_xml" "Nobody can log in at this provider: what was read is no metadata."
    ProviderKeysEnd "provider_keys_end" "Some providers stop trusting us on that day, and logins there fail."
    ProviderTheirKeysEnd "provider_their_keys_end" "When the provider changes its key and we don't know of it, logins there fail."
    ProviderMetadataEnds "provider_metadata_ends" "From that day on nobody can log in at this provider."
    ProviderMetadataUnsigned "provider_metadata_unsigned" "Only TLS protects what we believe of this provider."
    ProviderNoLogout "provider_no_logout" "On a shared computer people have to close the browser after logging out."
    ProviderResetsNobody "provider_resets_nobody" "Whoever logs in there can't set a password."
    ProviderClock "provider_clock" "Logins there fail now and then."
    ProviderClientAuth "provider_client_auth" "The provider may refuse to finish logins."
    ProviderAlgorithms "provider_algorithms" "Every login there is refused by us."
    ProviderAuthTime "provider_auth_time" "An old session at the provider may pass for a fresh login."
    ProviderNoFreshLogin "provider_no_fresh_login" "Whoever sits at somebody's browser is taken for its owner."
    ProviderClaims "provider_claims" "Logins there may lack what this service needs of them, and are refused then."
    ProviderScopes "provider_scopes" "The provider may refuse every login, or leave out what these scopes stand for."
    ProviderCredentialsRefused "provider_credentials_refused" "Nobody can finish a login there."
    ProviderCredentialsUnclear "provider_credentials_unclear" "Whether logins there can be finished is not known."
    ProviderTokenEndpoint "provider_token_endpoint" "Nobody can finish a login there."

    // Registers and the family service.
    RegisterSetup "register_setup" "Logins by CPR number fail, because the registers can't be asked."
    RegisterTlsWeak "register_tls_weak" "Somebody in between can read CPR numbers, and say whose account it is."
    RegisterCprInAddress "register_cpr_in_address" "CPR numbers end up in the logs of servers and proxies."
    RegisterAnonymous "register_anonymous" "Whoever reaches the service can ask it for people, too."
    RegisterCertificateEnded "register_certificate_ended" "The service does not let us in, and logins by CPR number fail."
    RegisterCertificateEnds "register_certificate_ends" "From that day on logins by CPR number fail."
    RegisterNamesSomebody "register_names_somebody" "It may name accounts that belong to somebody else."
    RegisterUnclear "register_unclear" "Whether it knows people is not known."
    RegisterFailed "register_failed" "Logins by CPR number fail: no register is believed while one is silent."
    ParentsEveryAccount "parents_every_account" "A parent may set the password of an account that the child has as an employee."

    // This machine.
    NoRandomness "no_randomness" "The service does not start."
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Id;

    #[test]
    fn every_finding_has_a_row_in_the_documentation_and_every_row_a_finding() {
        let text = include_str!("../../../docs/troubleshooting.md");
        let rows: Vec<(&str, &str)> = text
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
            .map(|(code, rest)| (code, rest.split_once(" | ").expect("a meaning and a remedy").0))
            .collect();
        let ours: Vec<(&str, &str)> = Id::ALL.iter().map(|id| (id.code(), id.meaning())).collect();
        for row in &rows {
            assert!(ours.contains(row), "docs/troubleshooting.md: {row:?} is no finding, or has another meaning");
        }
        for id in &ours {
            assert!(rows.contains(id), "docs/troubleshooting.md has no row {id:?}");
        }
        assert_eq!(rows.len(), ours.len(), "one row a finding");
    }

    #[test]
    fn ids_are_snake_case_and_no_two_are_the_same() {
        let codes: BTreeSet<&str> = Id::ALL.iter().map(|id| id.code()).collect();
        assert_eq!(codes.len(), Id::ALL.len());
        assert!(codes.iter().all(|code| code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')), "{codes:?}");
    }
}
