//! A wrong password of the service account, and its correction.

use std::os::unix::fs::PermissionsExt;

use os2nykode::directory::Directory;

use crate::{
    environment::environment,
    people::{Admin, PASSWORD},
    proxy::{BIND, Proxy},
    service::Setup,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_tried_once_however_often_somebody_asks_and_the_file_is_read_again() {
    let (proxy, dir) = (Proxy::start().await, tempfile::tempdir().expect("a folder"));
    let mut admin = Admin::new().await;
    let account = admin.person().await;
    let file = dir.path().join("password");
    let write = |text: &str| {
        std::fs::write(&file, text).expect("written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    };
    write("Helt-Forkert-99\n");
    let setup = Setup { controllers: vec![proxy.address, proxy.address], ..Setup::default() };
    let inline = format!("bind_password = \"{}\"", environment().fact("SERVICE_PASSWORD"));
    let text = setup
        .text(dir.path(), "127.0.0.1:0")
        .replace(environment().fact("SERVICE_UPN"), &account.dn)
        .replace(&inline, &format!("bind_password_file = \"{}\"", file.display()));
    let path = dir.path().join("config.toml");
    crate::service::write_private(&path, text).expect("written");
    let config = os2nykode::config::load(&path, std::iter::empty()).unwrap_or_else(|problems| panic!("{problems}"));
    let directory = Directory::new(&config.directory).expect("set up");
    for _ in 0..20 {
        assert!(directory.ready().await.is_err());
    }
    assert_eq!(proxy.count(BIND), 1, "twenty questions, two controllers, one bind");
    assert_eq!(admin.value(&account.sam, "badPwdCount").await, "1");
    write(&format!("{PASSWORD}\n"));
    assert!(directory.ready().await.is_ok(), "a rotation needs no restart");
    assert_eq!(proxy.count(BIND), 2);
}
