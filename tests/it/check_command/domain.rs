//! Findings of the check command about the service account, its rights and AD's policies, with each fault made in the real domain.

use os2nykode::{
    check::{FindingLevel, Id, Report},
    clock::ShiftedClock,
};

use super::{check, has};
use crate::{
    environment::{environment, unique},
    people::{Admin, PASSWORD, Person, bind},
    proxy::{BIND_ANSWER, ENTRY, Mischief, Proxy, Words},
    service::Setup,
};

/// The check with another service account.
async fn check_as(person: &Person) -> Report {
    let environment = environment();
    let replace = [(environment.fact("SERVICE_UPN"), person.dn.as_str()), (environment.fact("SERVICE_PASSWORD"), PASSWORD)];
    check(Setup::default(), &replace, Some("anna"), &ShiftedClock::default()).await
}

fn found(report: &Report, id: Id, level: FindingLevel, what: &str, advice: &str) {
    let told = report.findings.iter().any(|f| f.id == Some(id) && f.level == level && f.what.contains(what) && f.advice.contains(advice));
    assert!(told, "{id:?} {what:?} → {advice:?} in\n{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_that_is_not_let_in_is_told_why() {
    let mut admin = Admin::new().await;
    let disabled = admin.person().await;
    admin.replace(&disabled.dn, "userAccountControl", "514").await;
    let expired = admin.person().await;
    admin.replace(&expired.dn, "accountExpires", "129000000000000000").await;
    let locked = admin.person().await;
    for _ in 0..6 {
        bind(&locked.dn, "Helt-Forkert-99").await.expect_err("wrong");
    }
    let must_change = admin.person().await;
    admin.must_change(&must_change).await;
    for (person, id, advice) in [
        (disabled, Id::ServiceAccountDisabled, "Enable-ADAccount"),
        (expired, Id::ServiceAccountExpired, "Clear-ADAccountExpiration"),
        (locked, Id::ServiceAccountLocked, "Unlock-ADAccount"),
        (must_change, Id::ServiceAccountMustChange, "-ChangePasswordAtLogon $false"),
    ] {
        let report = check_as(&person).await;
        found(&report, id, FindingLevel::Problem, "the service account", advice);
        assert!(report.has(Id::NoControllerUsable) && !report.to_string().contains(PASSWORD), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_by_dn_is_named_as_dsacls_wants_it_and_its_end_is_told() {
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    let year_2100 = "157469184000000000";
    admin.replace(&person.dn, "accountExpires", year_2100).await;
    let report = check_as(&person).await;
    found(
        &report,
        Id::RightMissing,
        FindingLevel::Problem,
        "Reset Password on anna",
        &format!("/G \"KOMMUNE\\{}:CA;Reset Password;user\"", person.sam),
    );
    has(&report, FindingLevel::Problem, "write lockoutTime", "'WriteProperty','Allow',([guid]'28630ebf-41d5-11d1-a9c1-0000f80367c1')");
    has(&report, FindingLevel::Problem, "write pwdLastSet", "Delegate Control…");
    found(&report, Id::ServiceAccountExpires, FindingLevel::Warning, "expires on 2100", "Clear-ADAccountExpiration");
    found(&report, Id::ServiceAccountPasswordExpires, FindingLevel::Warning, "the password of", "-PasswordNeverExpires");
    assert!(!report.to_string().contains(&format!("/G \"{}", person.dn)), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_admin_as_service_account_is_a_problem() {
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    let group = format!("CN=Domain Admins,CN=Users,{}", environment().fact("BASE_DN"));
    admin.add_to_group(&group, &person.dn).await;
    let report = check_as(&person).await;
    admin.remove(&group, "member", &person.dn).await;
    found(&report, Id::ServiceAccountTooPowerful, FindingLevel::Problem, "Domain Admins", "an ordinary account");
    let ordinary = check(Setup::default(), &[], Some("anna"), &ShiftedClock::default()).await;
    has(&ordinary, FindingLevel::Ok, "not a member of any group that administers the domain", "");
    assert!(!ordinary.has(Id::ServiceAccountTooPowerful) && !ordinary.has(Id::ServiceAccountPasswordExpires), "{ordinary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_not_found_or_not_served_is_told_of() {
    let nobody = check(Setup::default(), &[], Some("findes-ikke"), &ShiftedClock::default()).await;
    found(&nobody, Id::SampleNotFound, FindingLevel::Problem, "\"findes-ikke\"", "sAMAccountName");
    let elsewhere = check(Setup::default(), &[], Some("Administrator"), &ShiftedClock::default()).await;
    found(&elsewhere, Id::SampleNotFound, FindingLevel::Problem, "outside directory.search_bases", "below directory.search_bases");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_search_base_has_its_own_sample_and_a_whole_domain_is_warned_of() {
    let people = environment().fact("PEOPLE_OU");
    let both = format!("search_bases = [\"{people}\", \"CN=Users,{}\"]", environment().fact("BASE_DN"));
    let one = format!("search_bases = [\"{people}\"]");
    let mut admin = Admin::new().await;
    let name = unique("u");
    let outside = format!("CN={name},CN=Users,{}", environment().fact("BASE_DN"));
    let inside = admin.person_named(&name, "Uden", "Delegation").await;
    admin.rename(&inside.dn, &name, Some(&format!("CN=Users,{}", environment().fact("BASE_DN")))).await;
    let report = check(Setup::default(), &[(&one, &both)], None, &ShiftedClock::default()).await;
    let place = format!("dsacls \"CN=Users,{}\"", environment().fact("BASE_DN"));
    found(&report, Id::RightMissing, FindingLevel::Problem, "lacks Reset Password on", &place);
    assert!(!report.to_string().contains(&format!("dsacls \"{people}\" /I:S /G")), "the first base is delegated: {report}");
    let whole = check(Setup::default(), &[(&one, "")], Some(&name), &ShiftedClock::default()).await;
    found(&whole, Id::SearchBasesMissing, FindingLevel::Warning, "covers the whole domain", "search_bases");
    found(&whole, Id::RightMissing, FindingLevel::Problem, "lacks Reset Password", &place);
    assert!(!whole.to_string().contains(&format!("dsacls \"{}\" /I:S", environment().fact("BASE_DN"))), "{whole}");
    admin.delete(&outside).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_of_the_domain_and_of_every_pso_are_held_against_the_configuration() {
    let more = |more: &'static str| Setup { more, ..Setup::default() };
    let reserve = check(more("[login.ad_password]\nlockout_reserve = 3\n"), &[], Some("anna"), &ShiftedClock::default()).await;
    found(&reserve, Id::LockoutReserveTooLarge, FindingLevel::Problem, "PSO Skrap", "lockout_reserve");
    assert!(!reserve.has(Id::LockoutOneTry), "{reserve}");
    let usual = check(Setup::default(), &[], Some("anna"), &ShiftedClock::default()).await;
    found(&usual, Id::LockoutOneTry, FindingLevel::Warning, "PSO Skrap", "-LockoutThreshold");
    assert!(usual.is_good(), "{usual}");
    let most = check(more("[login.ad_password]\nlockout_reserve = 5\n"), &[], Some("anna"), &ShiftedClock::default()).await;
    found(&most, Id::LockoutReserveTooLarge, FindingLevel::Problem, "the domain's policy", "lockout_reserve");
    let short = check(more("[policy.default]\nmax_length = 13\n"), &[], Some("anna"), &ShiftedClock::default()).await;
    found(&short, Id::PolicyContradiction, FindingLevel::Problem, "PSO Skrap: at least 14 and at most 13", "[policy]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_netbios_name_and_a_claim_attribute_without_an_index_are_named() {
    let wrong =
        check(Setup { directory: "netbios_domain = \"FORKERT\"\n", ..Setup::default() }, &[], Some("anna"), &ShiftedClock::default()).await;
    found(&wrong, Id::NetbiosDomainWrong, FindingLevel::Problem, "\"KOMMUNE\"", "netbios_domain");
    // No provider listens at this address. The attribute in AD is checked all the same.
    let provider = |attribute: &str| {
        let section = format!(
            "[[oidc.provider]]\nid = \"x\"\nbutton = {{ da = \"X\" }}\nissuer = \"https://localhost:1\"\nclient_id = \"x\"\nclient_secret = \"hemmelig-nok\"\n\
             scopes = [\"openid\"]\nfixed_level = \"low\"\nname = {{ from = \"name\" }}\nmatch = {{ by = \"cpr\", from = \"cpr\", ad_attribute = \"{attribute}\" }}\n"
        );
        Setup { more: section.leak(), ..Setup::default() }
    };
    let slow = check(provider("employeeNumber"), &[], Some("anna"), &ShiftedClock::default()).await;
    found(&slow, Id::ClaimAttributeUnindexed, FindingLevel::Warning, "employeeNumber (logins at x)", "searchFlags -bor 1");
    let indexed = check(provider("mail"), &[], Some("anna"), &ShiftedClock::default()).await;
    has(&indexed, FindingLevel::Ok, "mail (logins at x) has an index", "");
    let unknown = check(provider("findesIkke"), &[], Some("anna"), &ShiftedClock::default()).await;
    found(&unknown, Id::ClaimAttributeUnknown, FindingLevel::Problem, "findesIkke", "employeeNumber");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_only_reads_or_is_not_the_pdc_emulator_or_lacks_a_right_is_named() {
    let through = async |mischief| {
        let proxy = Proxy::start().await;
        proxy.set(mischief);
        check(Setup { controllers: vec![proxy.address], ..Setup::default() }, &[], Some("anna"), &ShiftedClock::default()).await
    };
    // The proxy replaces a capability of the controller with that of a read-only controller.
    let reads = through(Mischief::ReplaceText(ENTRY, b"1.2.840.113556.1.4.1670", b"1.2.840.113556.1.4.1920")).await;
    found(&reads, Id::ControllerReadOnly, FindingLevel::Problem, "RODC", "IsReadOnly -eq $false");
    // The domain object, and no other, names another controller as PDC emulator.
    let settings = "CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,DC=kommune,DC=test";
    let length = u8::try_from(settings.len()).expect("short");
    let role = |server: &str| {
        let value = settings.replace("CN=DC1", server).into_bytes();
        [b"fSMORoleOwner".as_slice(), &[0x31, length + 2, 0x04, length], &value].concat().leak() as &'static [u8]
    };
    let elsewhere = through(Mischief::ReplaceText(ENTRY, role("CN=DC1"), role("CN=DC9"))).await;
    found(&elsewhere, Id::PdcNotAmongControllers, FindingLevel::Warning, "CN=DC9", "PDCEmulator");
    // The proxy replaces the GUID of Unexpire-Password with another right's.
    let unexpire = b"\x7d\xdc\xc2\xcc\xad\xa6\x7a\x4a\x88\x46\xc0\x4e\x3c\xc5\x35\x01";
    let another = b"\x7d\xdc\xc2\xcc\xad\xa6\x7a\x4a\x88\x46\xc0\x4e\x3c\xc5\x35\x02";
    let without = through(Mischief::ReplaceText(ENTRY, unexpire, another)).await;
    found(&without, Id::UnexpirePasswordMissing, FindingLevel::Problem, "Unexpire Password", "CA;Unexpire Password");
    let usual = through(Mischief::None).await;
    for id in [
        Id::ControllerReadOnly,
        Id::PdcNotAmongControllers,
        Id::UnexpirePasswordMissing,
        Id::AttributeUnreadable,
        Id::TokenGroupsUnreadable,
    ] {
        assert!(!usual.has(id), "{usual}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attribute_that_is_only_not_set_is_no_finding_and_one_that_every_account_has_is() {
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    let through = async |mischief| {
        let proxy = Proxy::start().await;
        proxy.set(mischief);
        check(Setup { controllers: vec![proxy.address], ..Setup::default() }, &[], Some(&person.sam), &ShiftedClock::default()).await
    };
    let usual = through(Mischief::None).await;
    assert!(!usual.has(Id::AttributeUnreadable) && !usual.has(Id::AttributeMaybeUnreadable), "lastLogonTimestamp is only not set: {usual}");
    has(&usual, FindingLevel::Ok, "all attributes that a login needs are readable", "");
    // Every account has a pwdLastSet, so its absence means a missing right.
    let hidden = through(Mischief::ReplaceText(ENTRY, b"pwdLastSet", b"xwdLastSet")).await;
    found(&hidden, Id::AttributeUnreadable, FindingLevel::Problem, "pwdLastSet", "RP;pwdLastSet;user");
    // A controller without any logon of the account has no badPwdCount for it, so its absence does not mean a missing right.
    let absent = through(Mischief::ReplaceText(ENTRY, b"badPwdCount", b"xadPwdCount")).await;
    assert!(!absent.has(Id::AttributeUnreadable), "{absent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_may_not_be_read_are_named_with_the_group_that_may() {
    let proxy = Proxy::start().await;
    // On hardened domains the group Pre-Windows 2000 Compatible Access is empty: AD leaves the attribute out.
    proxy.set(Mischief::ReplaceText(ENTRY, b"tokenGroups", b"xokenGroups"));
    let report = check(Setup { controllers: vec![proxy.address], ..Setup::default() }, &[], Some("anna"), &ShiftedClock::default()).await;
    found(&report, Id::TokenGroupsUnreadable, FindingLevel::Problem, "tokenGroups) of anna", "'Windows Authorization Access Group'");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_windows_says_of_the_service_account_is_told_in_words() {
    let environment = environment();
    for (result, text, id) in [
        (49, "80090308: LdapErr: DSID-0C09042F, comment: AcceptSecurityContext error, data 52e, v2580\0", Id::ServiceAccountWrong),
        (49, "80090308: LdapErr: DSID-0C09030B, comment: AcceptSecurityContext error, data 525, v893", Id::ServiceAccountWrong),
        (49, "80090308: LdapErr: DSID-0C09030B, comment: AcceptSecurityContext error, data 530, v893", Id::ServiceAccountRestricted),
        (49, "80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data 531, v3839", Id::ServiceAccountRestricted),
        (49, "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 532, v4563", Id::ServiceAccountPasswordExpired),
        (49, "80090308: LdapErr: DSID-0C0903C5, comment: AcceptSecurityContext error, data 533, v23f0", Id::ServiceAccountDisabled),
        (49, "80090308: LdapErr: DSID-0C09030B, comment: AcceptSecurityContext error, data 701, v893", Id::ServiceAccountExpired),
        (49, "80090308: LdapErr: DSID-0C0903C5, comment: AcceptSecurityContext error, data 773, v23f0", Id::ServiceAccountMustChange),
        (49, "80090308: LdapErr: DSID-0C090451, comment: AcceptSecurityContext error, data 775, v3839\0", Id::ServiceAccountLocked),
        (49, "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 52f, v4563", Id::ServiceAccountRestricted),
        (49, "80090308: LdapErr: DSID-0C090588, comment: AcceptSecurityContext error, data 569, v2580", Id::ServiceAccountRestricted),
        (
            8,
            "00002028: LdapErr: DSID-0C09035C, comment: The server requires binds to turn on integrity checking if SSL\\TLS are not \
             already active on the connection, data 0, v65f4",
            Id::ControllerBehindTlsProxy,
        ),
    ] {
        let proxy = Proxy::start().await;
        proxy.set(Words::instead(BIND_ANSWER, result, text));
        let report = check(Setup { controllers: vec![proxy.address], ..Setup::default() }, &[], None, &ShiftedClock::default()).await;
        assert!(report.has(id) && report.has(Id::NoControllerUsable), "{text}: {report}");
        assert!(!report.to_string().contains(environment.fact("SERVICE_PASSWORD")) && !report.json().contains("\\u0000"), "{report}");
    }
}
