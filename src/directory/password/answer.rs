//! Interpretation of AD's results: pure functions from result code and diagnostic message to a typed answer.

use crate::directory::{
    DirectoryError,
    password::{BindAnswer, WriteAnswer},
};

/// Longest diagnostic message in the log, characters.
const LONGEST_TEXT: usize = 200;

/// Kind of modify operation. Some error codes have a meaning for one kind only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModifyKind {
    /// Deletes the old and adds the new value of unicodePwd.
    Change,
    /// Replaces the value of unicodePwd.
    Reset,
    /// Ends a lockout.
    Unlock,
}

/// The answer to a bind: the result code, and for 49 the Win32 error in hexadecimal after `data` in the message (MS-ADTS 5.1.1.1).
///
/// # Errors
/// Any result but 0 and 49 is an error: the controller did not check the password.
pub fn of_bind(rc: u32, text: &str) -> Result<BindAnswer, DirectoryError> {
    match rc {
        0 => Ok(BindAnswer::Proven),
        49 => Ok(match data_code(text) {
            Some(0x525 | 0x52e) => BindAnswer::Wrong,
            Some(0x52f) => BindAnswer::Restricted,
            Some(0x530) => BindAnswer::NotAtThisHour,
            Some(0x531) => BindAnswer::NotFromHere,
            Some(0x532) => BindAnswer::PasswordExpired,
            Some(0x533) => BindAnswer::Disabled,
            Some(code @ (0x568 | 0x569)) => BindAnswer::NoLogonRight(code),
            Some(0x701) => BindAnswer::AccountExpired,
            Some(0x773) => BindAnswer::MustChange,
            Some(0x775) => BindAnswer::Locked,
            other => BindAnswer::Other(other.unwrap_or_default()),
        }),
        _ => Err(answered(rc, text)),
    }
}

/// The answer to a modify: the Win32 error at the start of the message, else the result code.
///
/// The Win32 error takes precedence, because Windows returns one error with several result codes (a refusal by policy has 19 or 53).
pub fn of_write(write: ModifyKind, rc: u32, text: &str) -> WriteAnswer {
    if rc == 0 {
        return WriteAnswer::Done;
    }
    match (write, leading_code(text)) {
        // Windows' code for "user cannot change password" is not certain, so all plausible codes with all plausible results count. Samba
        // returns 19 without a code.
        (ModifyKind::Change, Some(0 | 0x5 | 0x8c3)) if matches!(rc, 19 | 50 | 53) => return WriteAnswer::CannotChange,
        (ModifyKind::Change, None) if rc == 19 => return WriteAnswer::CannotChange,
        (ModifyKind::Change, Some(0x52b)) | (ModifyKind::Change | ModifyKind::Reset, Some(0x56)) => return WriteAnswer::WrongCurrent,
        (ModifyKind::Change | ModifyKind::Reset, Some(0x52c | 0x52d | 0x8c5)) => return WriteAnswer::Policy(policy_detail(text)),
        (ModifyKind::Change | ModifyKind::Reset, Some(0x8c4)) => return WriteAnswer::Policy(PolicyDetail::History),
        (ModifyKind::Change | ModifyKind::Reset, Some(0x8c6)) => return WriteAnswer::Policy(PolicyDetail::TooYoung),
        (_, Some(0x775)) => return WriteAnswer::Locked,
        (_, Some(0x5 | 0x2098)) => return WriteAnswer::NoRight,
        (_, Some(0x208d)) => return WriteAnswer::Gone,
        (_, Some(0x202b)) => return WriteAnswer::Failed(DirectoryError::ReadOnly(readable(text))),
        (ModifyKind::Change | ModifyKind::Reset | ModifyKind::Unlock, _) => {}
    }
    match rc {
        10 => WriteAnswer::Failed(DirectoryError::ReadOnly(readable(text))),
        32 => WriteAnswer::Gone,
        50 => WriteAnswer::NoRight,
        _ => WriteAnswer::Failed(answered(rc, text)),
    }
}

/// An answer that only an operator can act on, with AD's message.
pub(crate) fn answered(rc: u32, text: &str) -> DirectoryError {
    DirectoryError::Answer { rc, text: readable(text) }
}

/// Whether the controller has lost the connection's login (ERROR_DS_OPERATIONS_ERROR after 000004DC), so that another bind is needed.
pub(crate) fn forgot_the_login(rc: u32, text: &str) -> bool {
    rc == 1 && leading_code(text) == Some(0x4dc)
}

/// Whether the controller takes no simple bind because it sees no TLS (ERROR_DS_STRONG_AUTH_REQUIRED, result 8).
pub(crate) fn sees_no_tls(text: &str) -> bool {
    leading_code(text) == Some(0x2028)
}

/// AD's message for the log: one line, bounded, without values.
///
/// DNs, names and quoted values are removed. Code, DSID and problem remain, which an operator needs; no person can be identified.
pub fn readable(text: &str) -> String {
    let line = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    let line = line.map(|word| if word.contains(['@', '\\']) { "…" } else { word }).collect::<Vec<_>>().join(" ");
    // The end of a DN can't be recognised, so the rest of the line goes. `<GUID=…>` and `<SID=…>` are DNs too.
    let line = match line.find(['=', '<']) {
        Some(sign) => {
            format!("{} …", line[..sign].trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-').trim_end())
        }
        None => line,
    };
    without_quoted(&line).chars().take(LONGEST_TEXT).collect()
}

/// Removes the text from the first opening to the last closing quote.
fn without_quoted(line: &str) -> String {
    let is_quote = |c: char| matches!(c, '\'' | '"' | '`');
    let opening = line.char_indices().find(|(at, c)| is_quote(*c) && !line[..*at].ends_with(char::is_alphanumeric));
    let Some((from, _)) = opening else { return line.to_owned() };
    let to = line.rfind(is_quote).filter(|to| *to > from).map_or(line.len(), |to| to + 1);
    format!("{}…{}", &line[..from], &line[to..])
}

/// The rule by which AD refused a password. Samba names it in its message, Windows does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyDetail {
    /// The password is in the history.
    History,
    /// The minimum age of the current password has not passed.
    TooYoung,
    TooShort,
    Complexity,
    /// The message names no rule.
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

/// The hexadecimal number after the last `data ` in the message of a bind.
fn data_code(text: &str) -> Option<u32> {
    let after = text.rsplit_once("data ")?.1;
    let digits = after.split(|c: char| !c.is_ascii_hexdigit()).next()?;
    u32::from_str_radix(digits, 16).ok()
}

/// The eight hexadecimal digits at the start of the message of a modify.
fn leading_code(text: &str) -> Option<u32> {
    let (digits, rest) = text.split_at_checked(8)?;
    (rest.is_empty() || rest.starts_with(':')).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests;
