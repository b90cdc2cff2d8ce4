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
    StoreUnreachable "store_unreachable" "The service does not start. While it runs, all logins and password changes fail."
    StoreFolderMissing "store_folder_missing" "The service does not start: it cannot create its database."
    StoreNotWritable "store_not_writable" "All logins fail: each login is first written to the audit log."
    StoreOlder "store_older" "No fault: the next start of the service migrates the tables."
    StoreNewer "store_newer" "The service does not start: the tables are of a newer version."
    StoreTlsWeak "store_tls_weak" "A man in the middle can read the database password and change stored data."

    // The audit log.
    AuditUnsigned "audit_unsigned" "A user with access to the database can rewrite the audit log unnoticed, and retention deletes no entries."
    AuditUnreadable "audit_unreadable" "The integrity of the audit log is unknown."
    AuditUnsealed "audit_unsealed" "New entries are not protected yet, and are not forwarded."
    AuditAnchorNotWritable "audit_anchor_not_writable" "A log that was cut off at its end may go unnoticed after a restart."
    AuditCheckpointMissing "audit_checkpoint_missing" "Entries may have been deleted from the audit log unnoticed."
    AuditCheckpointForged "audit_checkpoint_forged" "The database was changed from outside the service: the audit log is not trustworthy."
    AuditCheckpointKeyUnknown "audit_checkpoint_key_unknown" "An earlier key is not configured, or the database was changed from outside the service."
    AuditGuardsMissing "audit_guards_missing" "The database no longer prevents changes and deletions of audit entries."
    AuditCprKeyMissing "audit_cpr_key_missing" "CPR numbers of older entries cannot be shown or searched."
    ForwardingInClear "forwarding_in_clear" "Names and addresses in the log can be read, changed and removed in transit."
    ForwardingUnusable "forwarding_unusable" "Entries wait in the database until the target is corrected; nothing is lost."
    ForwardingUnreachable "forwarding_unreachable" "Entries wait in the database until the target is back; nothing is lost."

    // Our own web site.
    WebCertificateUnreadable "web_certificate_unreadable" "The service does not start; after a failed renewal it keeps the old certificate until that expires."
    WebCertificateEnded "web_certificate_ended" "Browsers warn all visitors of the site."
    WebCertificateEnds "web_certificate_ends" "From that day on browsers warn all visitors of the site."
    WebCertificateNotYet "web_certificate_not_yet" "Until that day browsers warn all visitors of the site, or the clock of this machine is wrong."
    WebCertificateName "web_certificate_name" "Browsers warn all visitors of the site: the certificate is for another name."
    WebCertificateChain "web_certificate_chain" "Some browsers, phones and servers of identity providers do not trust the site."
    WebKeyForeign "web_key_foreign" "The service does not start: the key belongs to another certificate."

    // Controllers.
    TrustUnusable "trust_unusable" "No controller can be trusted: all logins and password changes fail."
    NoControllerUsable "no_controller_usable" "Logins with an AD password and all password changes fail."
    ControllerNameUnknown "controller_name_unknown" "This controller is not used."
    ControllerUnreachable "controller_unreachable" "This controller is not used; each new connection to it takes until the time-out."
    ControllerTlsStalls "controller_tls_stalls" "This controller is not used; each new connection to it takes until the time-out."
    ControllerTransportWrong "controller_transport_wrong" "This controller is not used: its port and transport do not fit together."
    ControllerPortGlobalCatalog "controller_port_global_catalog" "Logins fail or passwords cannot be set: a global catalog is read-only and holds only a part of each account."
    ControllerNotTls "controller_not_tls" "This controller is not used: the port speaks neither LDAP nor TLS."
    ControllerTlsVersion "controller_tls_version" "This controller is not used: it supports only TLS 1.1 or older, which is insecure."
    ControllerTlsCipher "controller_tls_cipher" "This controller is not used: it offers no secure cipher."
    ControllerBehindTlsProxy "controller_behind_tls_proxy" "This controller is not used: a device before it ends TLS and forwards passwords in clear text."
    ControllerTlsFailed "controller_tls_failed" "This controller is not used."
    ControllerStarttlsRefused "controller_starttls_refused" "This controller is not used: the service sends nothing without TLS."
    ControllerCertificateMissing "controller_certificate_missing" "This controller is not used: it offers no certificate."
    ControllerCertificateIssuer "controller_certificate_issuer" "This controller is not used: the issuer of its certificate is unknown."
    ControllerCertificateChain "controller_certificate_chain" "This controller is not used: a certificate between its own and the CA's is missing."
    ControllerCertificateName "controller_certificate_name" "This controller is not used: its certificate is for another name."
    ControllerCertificateNoSan "controller_certificate_no_san" "This controller is not used: its certificate has no Subject Alternative Name."
    ControllerCertificateEnded "controller_certificate_ended" "This controller is not used until its certificate is renewed."
    ControllerCertificateEnds "controller_certificate_ends" "From that day on this controller is not used."
    ControllerCertificateNotYet "controller_certificate_not_yet" "This controller is not used: its certificate is not valid yet, or a clock is wrong."
    ControllerCertificateSha1 "controller_certificate_sha1" "This controller is not used: a certificate signed with SHA-1 can be forged."
    ControllerCertificateWeakKey "controller_certificate_weak_key" "This controller is not used: the key is short enough to be broken."
    ControllerCertificatePurpose "controller_certificate_purpose" "This controller is not used: its certificate lacks the purpose Server Authentication."
    ControllerCertificateSelfSigned "controller_certificate_self_signed" "This controller is not used: a self-signed certificate proves nothing."
    ControllerCertificateOther "controller_certificate_other" "This controller is not used: its certificate cannot be verified."
    ControllerNotLdap "controller_not_ldap" "This controller is not used: it does not answer like a domain controller."
    ControllerFailed "controller_failed" "Operations on this controller may be slow or fail for users too."
    ControllerDomain "controller_domain" "Accounts are not found there: the controller serves another domain."
    ControllerClock "controller_clock" "Password ages and delays are wrong, and logins at identity providers may fail."
    ControllerClockUnreadable "controller_clock_unreadable" "The difference of the clocks is unknown."
    ControllerNoPolicyHints "controller_no_policy_hints" "A reset (not a change) can set a password that was used before."
    ControllerReadOnly "controller_read_only" "Passwords cannot be set on this controller: a change that starts there fails."
    PdcNotAmongControllers "pdc_not_among_controllers" "Wrong passwords that other controllers counted are missed: an account can come closer to AD's lockout."
    BaseMissing "base_missing" "Accounts below this unit cannot log in and are not found."
    BaseSpelling "base_spelling" "Accounts below this unit are not recognised: the directory spells its name differently."

    // The service account.
    ServiceAccountWrong "service_account_wrong" "All logins and password changes fail; each attempt brings the service account closer to its lockout."
    ServiceAccountLocked "service_account_locked" "All logins and password changes fail until the service account is unlocked."
    ServiceAccountDisabled "service_account_disabled" "All logins and password changes fail until the service account is enabled."
    ServiceAccountExpired "service_account_expired" "All logins and password changes fail until the service account's expiry is moved."
    ServiceAccountPasswordExpired "service_account_password_expired" "All logins and password changes fail until the service account has a new password."
    ServiceAccountMustChange "service_account_must_change" "All logins and password changes fail until the service account no longer has to change its password."
    ServiceAccountRestricted "service_account_restricted" "All logins and password changes fail: AD permits logons of the service account only from other machines or at other hours."
    ServiceAccountRefused "service_account_refused" "All logins and password changes fail."
    ServiceAccountExpires "service_account_expires" "From that day on all logins and password changes fail."
    ServiceAccountPasswordExpires "service_account_password_expires" "From that day on all logins and password changes fail."
    ServiceAccountTooPowerful "service_account_too_powerful" "An attacker who takes over this server takes over the whole domain."
    ServiceAccountUnknown "service_account_unknown" "Its groups and its expiry are unknown."

    // Rights of the service account.
    SampleNotFound "sample_not_found" "The service account's rights were not checked."
    SampleProtected "sample_protected" "No fault: by design the service cannot set passwords of administrators."
    AttributeUnreadable "attribute_unreadable" "People with accounts like this one cannot log in."
    AttributeMaybeUnreadable "attribute_maybe_unreadable" "A name, rule or end date is not shown or not checked."
    TokenGroupsUnreadable "token_groups_unreadable" "Rules for groups cannot be applied: all password changes and delegation fail."
    PermissionsUnreadable "permissions_unreadable" "The service account's rights on accounts like this one are unknown."
    RightMissing "right_missing" "Resets, unlocking or \"must change at next logon\" fail for accounts like this one."
    UnexpirePasswordMissing "unexpire_password_missing" "People whose password was reset have to change it again at each logon."
    SearchBasesMissing "search_bases_missing" "The service reaches administrators' and service accounts too, and needs more rights than necessary."
    PsoUnreadable "pso_unreadable" "Password changes fail for the accounts to which that policy applies."
    PsoMaybeUnreadable "pso_maybe_unreadable" "If the domain has such policies, password changes fail for the accounts to which they apply."

    // Policies and names.
    DomainPolicyUnreadable "domain_policy_unreadable" "All password changes fail: the service does not guess password rules."
    PolicyContradiction "policy_contradiction" "No password satisfies both policies: password changes of these accounts fail."
    LockoutReserveTooLarge "lockout_reserve_too_large" "For these accounts the service cannot keep the configured reserve of attempts before AD's lockout."
    LockoutOneTry "lockout_one_try" "After one wrong password these people have to wait until AD resets its counter."
    GroupMissing "group_missing" "Until the name is corrected, the rule that names the group allows nothing, or blocks the actions that it governs."
    GroupAmongCircles "group_among_circles" "It may be mistaken for a circle: people who are added to it administer others."
    CirclesEmpty "circles_empty" "Circle admins cannot act on any account."
    TeachersEmpty "teachers_empty" "By this rule no account is a teacher's, and no teacher can act on pupils."
    ClassesIncomplete "classes_incomplete" "These groups belong to no class: no teacher acts on the pupils."
    NetbiosDomainWrong "netbios_domain_wrong" "Logins as DOMAIN\\name fail; logins without the domain work."
    ClaimAttributeUnknown "claim_attribute_unknown" "Logins that are matched by this attribute fail."
    ClaimAttributeUnindexed "claim_attribute_unindexed" "Each such login makes the controller read all accounts, which is slow in a large domain."

    // Identity providers.
    ProviderSetup "provider_setup" "Logins at these identity providers fail."
    ProviderUnusable "provider_unusable" "Logins at this provider fail, unless the last good copy of its metadata is stored."
    ProviderMetadataNotXml "provider_metadata_not_xml" "Logins at this provider fail: the document is not metadata."
    ProviderKeysEnd "provider_keys_end" "Some providers stop trusting the service on that day, and logins there fail."
    ProviderTheirKeysEnd "provider_their_keys_end" "Logins there fail when the provider starts to use a key that is not in its metadata."
    ProviderMetadataEnds "provider_metadata_ends" "From that day on logins at this provider fail."
    ProviderMetadataUnsigned "provider_metadata_unsigned" "Only TLS protects the provider's metadata."
    ProviderNoLogout "provider_no_logout" "On a shared computer people have to close the browser after logging out."
    ProviderResetsNobody "provider_resets_nobody" "People who log in there cannot set a password."
    ProviderClock "provider_clock" "Some logins there fail."
    ProviderClientAuth "provider_client_auth" "The provider may refuse to complete logins."
    ProviderAlgorithms "provider_algorithms" "The service rejects every login there."
    ProviderAuthTime "provider_auth_time" "An old session at the provider may count as a fresh login."
    ProviderNoFreshLogin "provider_no_fresh_login" "A person at a browser with another person's session at the provider logs in as that person."
    ProviderClaims "provider_claims" "Logins there may lack required claims, and are then refused."
    ProviderScopes "provider_scopes" "The provider may refuse every login, or omit the claims of these scopes."
    ProviderCredentialsRefused "provider_credentials_refused" "Logins there cannot be completed."
    ProviderCredentialsUnclear "provider_credentials_unclear" "Whether logins there can be completed is unknown."
    ProviderTokenEndpoint "provider_token_endpoint" "Logins there cannot be completed."

    // Registers and the family service.
    RegisterSetup "register_setup" "Logins by CPR number fail: the registers cannot be queried."
    RegisterTlsWeak "register_tls_weak" "A man in the middle can read CPR numbers and choose the account of a login."
    RegisterCprInAddress "register_cpr_in_address" "CPR numbers appear in the logs of servers and proxies."
    RegisterAnonymous "register_anonymous" "Any client that reaches the web service can query it for people too."
    RegisterCertificateEnded "register_certificate_ended" "The web service rejects the expired client certificate, and logins by CPR number fail."
    RegisterCertificateEnds "register_certificate_ends" "From that day on logins by CPR number fail."
    RegisterNamesSomebody "register_names_somebody" "It may return accounts of other people."
    RegisterUnclear "register_unclear" "Whether it finds existing people is unknown."
    RegisterFailed "register_failed" "Logins by CPR number fail: the service needs the answers of all registers."
    ParentsEveryAccount "parents_every_account" "A parent may set the password of an account that the child has as an employee."

    // Leaked passwords.
    LeakedListMissing "leaked_list_missing" "New passwords are not compared with the list of leaked passwords: there is none yet."
    LeakedListUnreadable "leaked_list_unreadable" "New passwords are not compared with the list of leaked passwords: it can't be used."
    LeakedListWrong "leaked_list_wrong" "Leaked passwords are accepted: the list does not hold the most common ones."
    LeakedListPart "leaked_list_part" "Passwords are compared with a part of the leaked ones only."
    LeakedListOld "leaked_list_old" "Passwords that were leaked since the list was downloaded are accepted."
    LeakedOnlineFailed "leaked_online_failed" "New passwords are not compared with the online service's list."
    LeakedOnlineUnknowing "leaked_online_unknowing" "Leaked passwords are accepted: the online service does not know the most common ones."
    LeakedOnlineInClear "leaked_online_in_clear" "Five digits of a password's hash can be read on the way, and the answer can be changed."
    LeakedRefusesAll "leaked_refuses_all" "New passwords are refused until the list or the online service can be asked."

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
