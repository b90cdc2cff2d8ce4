//! Logins at real identity providers, and what is refused of them.

use crate::{
    environment::environment,
    idp::{Idp, Wishes, introduced},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_employee_logs_in_whatever_the_provider_signs_and_encrypts() {
    for (sign_response, sign_assertion, encrypt) in
        [(true, false, false), (false, true, false), (true, true, false), (true, false, true), (false, true, true), (true, true, true)]
    {
        let introduced = introduced(Wishes { sign_response, sign_assertion, encrypt }).await;
        let page = introduced.service.visitor().log_in_at(Idp::Os2faktor, "anna").await;
        assert!(page.path.starts_with("/accounts/"), "{sign_response} {sign_assertion} {encrypt}: {} {}", page.path, page.text);
        page.says("Anna Andersen");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_with_two_accounts_picks_one() {
    let introduced = introduced(Wishes::USUAL).await;
    let page = introduced.service.visitor().log_in_at(Idp::Nemlogin, "birgit").await;
    page.says("birgit-adm");
    page.says("Vælg");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_an_active_account_gets_in_and_no_page_tells_a_cpr_number() {
    let introduced = introduced(Wishes::USUAL).await;
    for (idp, user, words) in [
        (Idp::Nemlogin, "ukendt", "CPR-nummer"),
        (Idp::Nemlogin, "dorte", "CPR-nummer"),
        (Idp::Nemlogin, "uden-cpr", "Start forfra"),
        (Idp::Os2faktor, "nobody", "brugernavn"),
        (Idp::Unilogin, "ekstern", "Start forfra"),
    ] {
        let visitor = introduced.service.visitor();
        let page = visitor.log_in_at(idp, user).await;
        page.says(words);
        assert!(!page.html.contains("1212825104") && !page.html.contains("121282-5104"));
        assert!(visitor.get("/account").await.path.starts_with("/login"), "{user} is not logged in");
    }
    let _ = environment();
}
