//! Employees, who log in at OS2faktor.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_teacher_helps_the_own_class_and_no_other() {
    let service = service().await;
    let (pupil, other, closed) =
        (member(&["Elever 3A"]).await, member(&["Elever 3B"]).await, member(&["Elever 3A", "Må ikke ændres af andre"]).await);
    let (tine, others) = others_of(&service, Idp::Os2faktor, "tine").await;
    let account = found(&tine, &others, "Din klasse: Elever 3A", &pupil).await;
    account.says("Din klasse: Elever 3A");
    set_for(&tine, guid(&pupil).await, NEW, true).await.says("Adgangskoden er sat");
    proven(&pupil, NEW, true).await;
    set_for(&tine, guid(&pupil).await, OTHER, false).await.says("Adgangskoden er sat");
    proven(&pupil, OTHER, false).await;
    refused(&service, &tine, &other, NOT_THEIRS).await;
    refused(&service, &tine, &closed, "i en gruppe, som andre ikke må sætte adgangskode for").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_too_low_a_level_is_told_what_it_lacks_and_does_nothing() {
    let service = service().await;
    let pupil = member(&["Elever 3A"]).await;
    let (tine, others) = others_of(&service, Idp::Os2faktor, "tine-low").await;
    others.says("Din klasse: Elever 3A");
    refused(&service, &tine, &pupil, "Dit login er ikke sikkert nok").await;
    let (tine, _) = others_of(&service, Idp::Os2faktor, "tine").await;
    set_for(&tine, guid(&pupil).await, NEW, false).await.says("Adgangskoden er sat");
    proven(&pupil, NEW, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_admin_helps_the_own_circle_by_way_of_a_class_too_and_no_admin() {
    let service = service().await;
    let (pupil, outsider) = (member(&["Elever 3B"]).await, member(&["Kreds Rådhus"]).await);
    let colleague = member(&["Kodeordsadministratorer", "Kreds Skole"]).await;
    let (pernille, others) = others_of(&service, Idp::Os2faktor, "pernille").await;
    assert!(!others.text.contains("Kreds Rådhus"), "{}", others.text);
    let account = found(&pernille, &others, "Kredsen Kreds Skole", &pupil).await;
    account.says("Kredsen Kreds Skole");
    set_for(&pernille, guid(&pupil).await, NEW, true).await.says("Adgangskoden er sat");
    proven(&pupil, NEW, true).await;
    refused(&service, &pernille, &outsider, NOT_THEIRS).await;
    refused(&service, &pernille, &colleague, "Kontoen tilhører en kodeordsadministrator").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_of_two_circles_by_a_nested_group_acts_in_both_and_on_nobody_who_is_protected() {
    let service = service().await;
    let (clerk, pupil, protected) =
        (member(&["Kreds Rådhus"]).await, member(&["Kreds Skole"]).await, member(&["Kreds Rådhus", "Kontooperatører"]).await);
    let (poul, others) = others_of(&service, Idp::Os2faktor, "poul").await;
    for (list, person) in [("Kredsen Kreds Rådhus", &clerk), ("Kredsen Kreds Skole", &pupil)] {
        found(&poul, &others, list, person).await;
        set_for(&poul, guid(person).await, NEW, false).await.says("Adgangskoden er sat");
        proven(person, NEW, false).await;
    }
    refused(&service, &poul, &protected, "særligt beskyttet i Active Directory").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_admin_helps_password_admins_and_no_master() {
    let service = service().await;
    let admin = member(&["Kodeordsadministratorer", "Kreds Skole"]).await;
    let master = member(&["Master kodeordsadministratorer", "Kreds Skole"]).await;
    let outsider = member(&["Kodeordsadministratorer", "Kreds Omsorg"]).await;
    let (mette, others) = others_of(&service, Idp::Os2faktor, "mette").await;
    let account = found(&mette, &others, "Kreds Skole (overordnet administrator)", &admin).await;
    account.says("Kredsen Kreds Skole (overordnet administrator)");
    set_for(&mette, guid(&admin).await, NEW, true).await.says("Adgangskoden er sat");
    proven(&admin, NEW, true).await;
    refused(&service, &mette, &master, "Kontoen tilhører en overordnet kodeordsadministrator").await;
    refused(&service, &mette, &outsider, NOT_THEIRS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_barred_gets_nowhere_although_an_admin_of_a_circle() {
    let service = service().await;
    let pupil = member(&["Kreds Skole"]).await;
    let vibeke = service.visitor();
    let start = vibeke.log_in_at(Idp::Os2faktor, "vibeke").await;
    start.says("Du kan ikke bruge denne tjeneste");
    let page = vibeke.get(&format!("/delegation/accounts/{}", guid(&pupil).await)).await;
    assert_ne!(page.status, 200, "{}", page.text);
    let others = vibeke.get("/delegation").await;
    assert!(!others.text.contains("Kreds Skole"), "{}", others.text);
    sent_anyway(&service, &vibeke, guid(&pupil).await).await.says("i en gruppe, der ikke kan bruge denne tjeneste");
    assert_eq!(bind(&pupil.dn, PASSWORD).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_desk_gives_a_code_to_a_caller_and_sets_no_password_itself() {
    let service = service().await;
    let (caller, helper, protected) = (member(&[]).await, member(&["Servicedesk Skole"]).await, member(&["Kontooperatører"]).await);
    let (hans, others) = others_of(&service, Idp::Os2faktor, "hans").await;
    let account = found(&hans, &others, "Servicedesken", &caller).await;
    let target = guid(&caller).await;
    assert!(!account.html.contains(&format!("/delegation/accounts/{target}/password")), "codes only: {}", account.html);
    let sent = sent_anyway(&service, &hans, target).await;
    assert_eq!(sent.path, format!("/delegation/accounts/{target}"), "back to the account");
    assert_eq!(bind(&caller.dn, PASSWORD).await, Ok(()));
    let code = codes::code_for(&hans, target).await;
    let phone = service.visitor();
    let form = codes::type_in(&phone, &caller.sam, &code).await;
    assert!(codes::is_in(&form), "{} {}", form.path, form.text);
    phone.reset(&form.account_path(), NEW).await.says("Din adgangskode er skiftet");
    proven(&caller, NEW, false).await;
    // The reader of this history is the helper, not the caller.
    let history = hans.get(&format!("/delegation/accounts/{target}")).await;
    history.says("Der blev logget ind med en engangskode");
    assert!(!history.text.contains("Du loggede"), "{}", history.text);
    refused(&service, &hans, &helper, "Kontoen tilhører en, der arbejder i en helpdesk").await;
    refused(&service, &hans, &protected, "særligt beskyttet i Active Directory").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_desk_of_the_schools_sets_passwords_there_and_nowhere_else() {
    let service = service().await;
    let (pupil, clerk) = (member(&["Elever 3B"]).await, member(&["Kreds Rådhus"]).await);
    let (helle, others) = others_of(&service, Idp::Os2faktor, "helle").await;
    let path = link(&others, "Skolernes servicedesk");
    search(&helle, &path, &pupil.sam).await.says("1 fundet.");
    search(&helle, &path, &clerk.sam).await.says("Ingen fundet");
    set_for(&helle, guid(&pupil).await, NEW, true).await.says("Adgangskoden er sat");
    proven(&pupil, NEW, true).await;
    refused(&service, &helle, &clerk, NOT_THEIRS).await;
}
