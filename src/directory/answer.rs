//! What AD's answers mean. Pure: text and numbers in, meaning out.

use super::password::{BindAnswer, WriteAnswer};

/// A bind's answer: result code, and for 49 the `data NNN` of the text (MS-ADTS, Win32 error in hexadecimal).
pub fn of_bind(rc: u32, text: &str) -> BindAnswer {
    match rc {
        0 => BindAnswer::Proven,
        49 => match data_code(text) {
            Some(0x525 | 0x52e) => BindAnswer::Wrong,
            Some(0x530) => BindAnswer::NotAtThisHour,
            Some(0x531) => BindAnswer::NotFromHere,
            Some(0x532) => BindAnswer::PasswordExpired,
            Some(0x533) => BindAnswer::Disabled,
            Some(0x701) => BindAnswer::AccountExpired,
            Some(0x773) => BindAnswer::MustChange,
            Some(0x775) => BindAnswer::Locked,
            _ => BindAnswer::Other(rc),
        },
        other => BindAnswer::Other(other),
    }
}

/// A password write's answer: result code, and the Win32 error that the text begins with.
pub fn of_write(rc: u32, text: &str) -> WriteAnswer {
    match (rc, leading_code(text)) {
        (0, _) => WriteAnswer::Done,
        (19, Some(0x52d)) => WriteAnswer::Policy(policy_detail(text)),
        (19, Some(0x56)) => WriteAnswer::WrongCurrent,
        (19 | 49, Some(0x775)) => WriteAnswer::Locked,
        // "User cannot change password" answers 19 without a code on Samba, and 5 (ERROR_ACCESS_DENIED) elsewhere
        (19, None | Some(0 | 5)) => WriteAnswer::CannotChange,
        (50, _) => WriteAnswer::NoRight,
        (32, _) => WriteAnswer::Gone,
        (12, _) => WriteAnswer::ControlRefused,
        _ => WriteAnswer::Other(rc),
    }
}

/// Which of its rules AD refused by: Samba says so in its text, Windows does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyDetail {
    /// AD remembers the password.
    History,
    /// The present password is too young.
    TooYoung,
    /// Too short.
    TooShort,
    /// Not complex enough.
    Complexity,
    /// It does not say.
    Unsaid,
}

fn policy_detail(text: &str) -> PolicyDetail {
    let text = text.to_ascii_lowercase();
    let says = [
        ("in history", PolicyDetail::History),
        ("too young", PolicyDetail::TooYoung),
        ("too short", PolicyDetail::TooShort),
        ("complexity", PolicyDetail::Complexity),
    ];
    says.into_iter().find_map(|(words, detail)| text.contains(words).then_some(detail)).unwrap_or(PolicyDetail::Unsaid)
}

/// The hexadecimal number after `data ` in a bind's diagnostic text.
fn data_code(text: &str) -> Option<u32> {
    let after = text.rsplit_once("data ")?.1;
    let digits = after.split(|c: char| !c.is_ascii_hexdigit()).next()?;
    u32::from_str_radix(digits, 16).ok()
}

/// The eight hexadecimal digits that a modify's diagnostic text begins with.
fn leading_code(text: &str) -> Option<u32> {
    let (digits, rest) = text.split_at_checked(8)?;
    (rest.is_empty() || rest.starts_with(':')).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bind_code_keeps_its_meaning() {
        for (data, meaning) in [
            ("525", BindAnswer::Wrong),
            ("52e", BindAnswer::Wrong),
            ("530", BindAnswer::NotAtThisHour),
            ("531", BindAnswer::NotFromHere),
            ("532", BindAnswer::PasswordExpired),
            ("533", BindAnswer::Disabled),
            ("701", BindAnswer::AccountExpired),
            ("773", BindAnswer::MustChange),
            ("775", BindAnswer::Locked),
            ("57", BindAnswer::Other(49)),
        ] {
            let text = format!("80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {data}, v2580");
            assert_eq!(of_bind(49, &text), meaning, "{data}");
        }
        assert_eq!(of_bind(0, ""), BindAnswer::Proven);
        assert_eq!(of_bind(49, "data"), BindAnswer::Other(49));
        assert_eq!(of_bind(53, "data 773"), BindAnswer::Other(53));
    }

    #[test]
    fn only_a_right_password_is_proof() {
        let proof = [BindAnswer::Proven, BindAnswer::PasswordExpired, BindAnswer::MustChange];
        for answer in BindAnswer::ALL {
            assert_eq!(answer.proves_password(), proof.contains(answer), "{answer:?}");
        }
    }

    #[test]
    fn every_write_code_keeps_its_meaning() {
        for (rc, text, meaning) in [
            (0, "", WriteAnswer::Done),
            (19, "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0", WriteAnswer::Policy(PolicyDetail::Unsaid)),
            (
                19,
                "0000052D: Constraint violation - check_password_restrictions: the password was already used (in history)!",
                WriteAnswer::Policy(PolicyDetail::History),
            ),
            (19, "00000056: AtrErr: DSID-03190F80, #1", WriteAnswer::WrongCurrent),
            (19, "00000775: Constraint violation - locked", WriteAnswer::Locked),
            (19, "check_password_restrictions: no code", WriteAnswer::CannotChange),
            (50, "00000005: SecErr: DSID-031A1190", WriteAnswer::NoRight),
            (32, "0000208D: NameErr", WriteAnswer::Gone),
            (12, "", WriteAnswer::ControlRefused),
            (53, "0000001F: SvcErr: DSID-031A12D2", WriteAnswer::Other(53)),
            (19, "00000057: ?", WriteAnswer::Other(19)),
        ] {
            assert_eq!(of_write(rc, text), meaning, "{rc} {text}");
        }
    }
}
