//! Recorded answers of Windows controllers (result, message and trailing NUL) and of Samba.

use crate::directory::password::answer::*;

const WRONG: &str = "80090308: LdapErr: DSID-0C09042F, comment: AcceptSecurityContext error, data 52e, v2580\0";

fn bind_text(dsid: &str, data: &str, build: &str) -> String {
    format!("80090308: LdapErr: DSID-{dsid}, comment: AcceptSecurityContext error, data {data}, {build}")
}

#[test]
fn every_bind_answer_of_windows_keeps_its_meaning() {
    for (text, meaning) in [
        (WRONG.to_owned(), BindAnswer::Wrong),
        (bind_text("0C09030B", "525", "v893"), BindAnswer::Wrong),
        (bind_text("0C09030B", "530", "v893"), BindAnswer::NotAtThisHour),
        (bind_text("0C09042A", "531", "v3839"), BindAnswer::NotFromHere),
        (bind_text("0C090439", "532", "v4563"), BindAnswer::PasswordExpired),
        (bind_text("0C0903C5", "533", "v23f0"), BindAnswer::Disabled),
        (bind_text("0C09030B", "701", "v893"), BindAnswer::AccountExpired),
        (bind_text("0C0903C5", "773", "v23f0"), BindAnswer::MustChange),
        (bind_text("0C090451", "775", "v3839\0"), BindAnswer::Locked),
        (bind_text("0C090439", "52f", "v4563"), BindAnswer::Restricted),
        (bind_text("0C090588", "569", "v2580"), BindAnswer::NoLogonRight(0x569)),
        (bind_text("0C090588", "568", "v2580"), BindAnswer::NoLogonRight(0x568)),
        (bind_text("0C09044E", "57", "v2580"), BindAnswer::Other(0x57)),
        ("data".to_owned(), BindAnswer::Other(0)),
        (String::new(), BindAnswer::Other(0)),
    ] {
        assert_eq!(of_bind(49, &text), Ok(meaning), "{text}");
    }
    assert_eq!(of_bind(0, ""), Ok(BindAnswer::Proven));
}

#[test]
fn a_bind_that_the_controller_did_not_look_at_says_nothing_of_the_password() {
    let no_tls = "00002028: LdapErr: DSID-0C09035C, comment: The server requires binds to turn on integrity checking if SSL\\TLS are not already \
                  active on the connection, data 0, v65f4";
    for (rc, text) in [(8, no_tls), (51, ""), (51, WRONG), (52, ""), (53, "data 773"), (1, WRONG), (80, "")] {
        assert!(matches!(of_bind(rc, text), Err(DirectoryError::Answer { rc: told, .. }) if told == rc), "{rc} {text}");
    }
    assert!(of_bind(51, "").is_err_and(|fault| fault.is_the_controllers()));
}

#[test]
fn only_a_right_password_is_proof() {
    let proof = [BindAnswer::Proven, BindAnswer::PasswordExpired, BindAnswer::MustChange];
    for answer in BindAnswer::ALL {
        assert_eq!(answer.proves_password(), proof.contains(answer), "{answer:?}");
    }
}

fn policy() -> WriteAnswer {
    WriteAnswer::Policy(PolicyDetail::Unsaid)
}

#[test]
fn every_write_answer_of_windows_keeps_its_meaning() {
    use ModifyKind::{Change, Reset, Unlock};
    let by_policy_19 = "0000052D: AtrErr: DSID-03190FC9, #1:\n\t0: 0000052D: DSID-03190FC9, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 9005a \
                        (unicodePwd)\n\0";
    let wrong = "00000056: AtrErr: DSID-03191083, #1:\n\t0: 00000056: DSID-03191083, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 9005a \
                 (unicodePwd)\n";
    let by_policy_53 = "0000052D: SvcErr: DSID-031A126C, problem 5003 (WILL_NOT_PERFORM), data 0\n\0";
    let denied = "00000005: SecErr: DSID-031A1256, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0";
    let denied_attribute = "00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n\0";
    let gone = "0000208D: NameErr: DSID-03100241, problem 2001 (NO_OBJECT), data 0, best match of:\n\t'OU=Kommune,DC=kommune,DC=dk'\n\0";
    for (write, rc, text, meaning) in [
        (Change, 0, "", WriteAnswer::Done),
        (Change, 19, by_policy_19, policy()),
        (Reset, 19, by_policy_19, policy()),
        (Change, 19, wrong, WriteAnswer::WrongCurrent),
        (Reset, 53, by_policy_53, policy()),
        (Change, 53, by_policy_53, policy()),
        (Reset, 50, denied, WriteAnswer::NoRight),
        (Unlock, 50, denied, WriteAnswer::NoRight),
        (Reset, 50, denied_attribute, WriteAnswer::NoRight),
        (Change, 50, denied_attribute, WriteAnswer::NoRight),
        (Unlock, 50, denied_attribute, WriteAnswer::NoRight),
        (Change, 32, gone, WriteAnswer::Gone),
        (Unlock, 32, gone, WriteAnswer::Gone),
        // The policy by the code alone: in the history, too young.
        (Reset, 53, "000008C4: SvcErr", WriteAnswer::Policy(PolicyDetail::History)),
        (Change, 19, "000008C6: AtrErr", WriteAnswer::Policy(PolicyDetail::TooYoung)),
    ] {
        assert_eq!(of_write(write, rc, text), meaning, "{write:?} {rc} {text}");
    }
}

#[test]
fn user_cannot_change_password_is_told_by_three_codes_with_three_results_on_a_change_only() {
    for rc in [19, 50, 53] {
        for code in ["00000000", "00000005", "000008C3"] {
            let text = format!("{code}: SecErr: DSID-031A1256, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n\0");
            assert_eq!(of_write(ModifyKind::Change, rc, &text), WriteAnswer::CannotChange, "{rc} {code}");
            assert_ne!(of_write(ModifyKind::Reset, rc, &text), WriteAnswer::CannotChange, "{rc} {code}");
            assert_ne!(of_write(ModifyKind::Unlock, rc, &text), WriteAnswer::CannotChange, "{rc} {code}");
        }
    }
    assert_eq!(of_write(ModifyKind::Change, 19, "check_password_restrictions: no code"), WriteAnswer::CannotChange, "Samba");
    assert_eq!(of_write(ModifyKind::Change, 50, ""), WriteAnswer::NoRight);
}

#[test]
fn a_locked_account_is_told_by_its_code_whatever_the_result() {
    for rc in [19, 49, 53] {
        for write in [ModifyKind::Change, ModifyKind::Reset] {
            assert_eq!(of_write(write, rc, "00000775: AtrErr: DSID-03191083, #1\n\0"), WriteAnswer::Locked, "{rc}");
        }
    }
}

#[test]
fn what_no_person_can_act_on_keeps_the_controllers_words() {
    let unwilling = "0000001F: SvcErr: DSID-031A129B, problem 5003 (WILL_NOT_PERFORM), data 0\n\0";
    let told = "0000001F: SvcErr: DSID-031A129B, problem 5003 (WILL_NOT_PERFORM), data 0";
    for write in [ModifyKind::Change, ModifyKind::Reset, ModifyKind::Unlock] {
        assert_eq!(of_write(write, 53, unwilling), WriteAnswer::Failed(DirectoryError::Answer { rc: 53, text: told.into() }));
    }
    let referral = "0000202B: RefErr: DSID-0310084A, data 0, 1 access points\n\tref 1: 'dc1.kommune.dk'\n\0";
    let read_only =
        WriteAnswer::Failed(DirectoryError::ReadOnly("0000202B: RefErr: DSID-0310084A, data 0, 1 access points ref 1: …".into()));
    assert_eq!(of_write(ModifyKind::Reset, 10, referral), read_only);
    assert_eq!(of_write(ModifyKind::Change, 10, ""), WriteAnswer::Failed(DirectoryError::ReadOnly(String::new())));
    assert_eq!(of_write(ModifyKind::Reset, 12, ""), WriteAnswer::Failed(DirectoryError::Answer { rc: 12, text: String::new() }));
    assert_eq!(
        of_write(ModifyKind::Reset, 19, "00000057: ?"),
        WriteAnswer::Failed(DirectoryError::Answer { rc: 19, text: "00000057: ?".into() })
    );
}

#[test]
fn samba_says_which_rule() {
    for (words, detail) in [
        ("the password was already used (in history)!", PolicyDetail::History),
        ("password is too young to change!", PolicyDetail::TooYoung),
        ("the password is too short. It should be equal to or longer than 8 characters!", PolicyDetail::TooShort),
        ("the password does not meet the complexity criteria!", PolicyDetail::Complexity),
    ] {
        let text = format!("0000052D: Constraint violation - check_password_restrictions: {words}");
        assert_eq!(of_write(ModifyKind::Change, 19, &text), WriteAnswer::Policy(detail));
    }
}

#[test]
fn only_a_login_that_was_forgotten_ends_a_connection() {
    let forgotten = "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be completed on the \
                     connection., data 0, v4563";
    assert!(forgot_the_login(1, forgotten));
    for (rc, text) in [(0, forgotten), (1, ""), (1, "00002141: SvcErr: DSID-031A0FC0, problem 5012 (DIR_ERROR), data 3")] {
        assert!(!forgot_the_login(rc, text), "{rc} {text}");
    }
}

#[test]
fn the_log_gets_the_controllers_words_without_values() {
    for (text, told) in [
        (WRONG, "80090308: LdapErr: DSID-0C09042F, comment: AcceptSecurityContext error, data 52e, v2580"),
        ("0000208D: NameErr: problem 2001 (NO_OBJECT), data 0, best match of:\n\t'CN=Anna O'Brien,DC=kommune,DC=dk'\n\0", {
            "0000208D: NameErr: problem 2001 (NO_OBJECT), data 0, best match of: …"
        }),
        ("00002098: Object CN=Anna Andersen,OU=Skole,DC=kommune,DC=test has no write property access", "00002098: Object …"),
        ("No such Base DN: <GUID=0c5f1c3a-1111-2222-3333-444455556666>", "No such Base DN: …"),
        ("not for anna@kommune.dk or KOMMUNE\\anna", "not for … or …"),
        ("value 'Anna O'Brien' refused", "value … refused"),
        ("it can't be", "it can't be"),
        ("an open \"quote", "an open …"),
        ("a\r\nforged\u{1b}[31m line", "a forged [31m line"),
        ("", ""),
    ] {
        assert_eq!(readable(text), told);
    }
    assert_eq!(readable(&"å".repeat(5000)).chars().count(), LONGEST_TEXT);
}
