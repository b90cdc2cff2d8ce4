//! A reset by the service account: its effect in AD and its LDAP controls.

use os2nykode::{
    directory::{Directory, DirectoryError, POLICY_HINTS, ResetOptions, WriteAnswer},
    model::credential::password::Password,
};

use crate::{
    people::{Admin, PASSWORD, bind},
    proxy::{ENTRY, MODIFY, Mischief, Proxy},
    service::Setup,
};

fn password(text: &str) -> Password {
    Password::parse(text.to_owned()).expect("a password")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_needs_no_old_password_and_works_on_a_young_one() {
    let dir = tempfile::tempdir().expect("a folder");
    let directory = Directory::new(&Setup::default().config(dir.path()).directory).expect("set up");
    let mut admin = Admin::new().await;
    let person = admin.young_person().await;
    let (account, mut pinned) = directory.account(admin.guid(&person.sam).await).await.expect("read");
    let account = account.expect("there");
    let answer = pinned.reset_password(account.guid, &password("Blå-Sejlbåd-4711"), ResetOptions::default()).await.expect("an answer");
    assert_eq!(answer, WriteAnswer::Done);
    assert_eq!(bind(&person.dn, "Blå-Sejlbåd-4711").await, Ok(()));
    assert_eq!(bind(&person.dn, PASSWORD).await, Err("52e".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_account_is_out_of_reach() {
    let dir = tempfile::tempdir().expect("a folder");
    let directory = Directory::new(&Setup::default().config(dir.path()).directory).expect("set up");
    let guid = Admin::new().await.guid("beate").await;
    let (account, mut pinned) = directory.account(guid).await.expect("read");
    let account = account.expect("there");
    let answer = pinned.reset_password(account.guid, &password("Blå-Sejlbåd-4711"), ResetOptions::default()).await.expect("an answer");
    assert_eq!(answer, WriteAnswer::NoRight);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_hints_control_is_sent_critical_where_the_controller_lists_it() {
    // Samba lacks this control. The proxy adds it to the supported controls, and Samba refuses the request because the control is critical.
    let proxy = Proxy::start().await;
    proxy.set(Mischief::ReplaceText(ENTRY, b"1.2.840.113556.1.4.2064", POLICY_HINTS.as_bytes()));
    let dir = tempfile::tempdir().expect("a folder");
    let setup = Setup { controllers: vec![proxy.address], ..Setup::default() };
    let directory = Directory::new(&setup.config(dir.path()).directory).expect("set up");
    let mut admin = Admin::new().await;
    let person = admin.young_person().await;
    let (account, mut pinned) = directory.account(admin.guid(&person.sam).await).await.expect("read");
    let answer = pinned
        .reset_password(account.expect("there").guid, &password("Blå-Sejlbåd-4711"), ResetOptions::default())
        .await
        .expect("an answer");
    assert!(matches!(answer, WriteAnswer::Failed(DirectoryError::Answer { rc: 12, .. })), "{answer:?}");
    let request = proxy.last(MODIFY).expect("a modify");
    // Control ::= SEQUENCE { OID, criticality TRUE, value OCTET STRING { SEQUENCE { INTEGER 1 } } } (RFC 4511 4.1.11)
    let control = [&[0x04, 0x17][..], POLICY_HINTS.as_bytes(), &[0x01, 0x01, 0xff, 0x04, 0x05, 0x30, 0x03, 0x02, 0x01, 0x01]].concat();
    assert!(request.windows(control.len()).any(|w| w == control), "{request:02x?}");
    assert_eq!(bind(&person.dn, PASSWORD).await, Ok(()));
}
