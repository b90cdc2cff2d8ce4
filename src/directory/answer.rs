//! What AD's answers mean. Pure: text and numbers in, meaning out.

use super::{
    Fault,
    password::{BindAnswer, WriteAnswer},
};

/// Longest text of a controller that is kept for the log.
const LONGEST_TEXT: usize = 200;

/// What kind of modify a [`WriteAnswer`] is about: some codes mean something on one of them only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// Delete the old and add the new password.
    Change,
    /// Replace the password.
    Reset,
    /// End a lockout.
    Unlock,
}

/// A bind's answer: result code, and for 49 the `data NNN` of the text (MS-ADTS 5.1.1.1, Win32 error in hexadecimal).
///
/// # Errors
/// Any result but 0 and 49 says nothing of the password: the controller did not come to look at it.
pub fn of_bind(rc: u32, text: &str) -> Result<BindAnswer, Fault> {
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

/// A modify's answer: the Win32 error that the text begins with, and only then the result code. Windows gives one error with several result codes
/// (a refusal by policy is 19 or 53), and means the error.
pub fn of_write(write: Write, rc: u32, text: &str) -> WriteAnswer {
    if rc == 0 {
        return WriteAnswer::Done;
    }
    match (write, leading_code(text)) {
        // Not sure for "user cannot change password", so every code that fits, with every result that fits. Samba answers 19 without a code.
        (Write::Change, Some(0 | 0x5 | 0x8c3)) if matches!(rc, 19 | 50 | 53) => return WriteAnswer::CannotChange,
        (Write::Change, None) if rc == 19 => return WriteAnswer::CannotChange,
        (Write::Change, Some(0x52b)) | (Write::Change | Write::Reset, Some(0x56)) => return WriteAnswer::WrongCurrent,
        (Write::Change | Write::Reset, Some(0x52c | 0x52d | 0x8c5)) => return WriteAnswer::Policy(policy_detail(text)),
        (Write::Change | Write::Reset, Some(0x8c4)) => return WriteAnswer::Policy(PolicyDetail::History),
        (Write::Change | Write::Reset, Some(0x8c6)) => return WriteAnswer::Policy(PolicyDetail::TooYoung),
        (_, Some(0x775)) => return WriteAnswer::Locked,
        (_, Some(0x5 | 0x2098)) => return WriteAnswer::NoRight,
        (_, Some(0x208d)) => return WriteAnswer::Gone,
        (_, Some(0x202b)) => return WriteAnswer::Failed(Fault::ReadOnly(readable(text))),
        (Write::Change | Write::Reset | Write::Unlock, _) => {}
    }
    match rc {
        10 => WriteAnswer::Failed(Fault::ReadOnly(readable(text))),
        32 => WriteAnswer::Gone,
        50 => WriteAnswer::NoRight,
        _ => WriteAnswer::Failed(answered(rc, text)),
    }
}

/// An answer that no person can do anything about, with AD's words.
pub(super) fn answered(rc: u32, text: &str) -> Fault {
    Fault::Answer { rc, text: readable(text) }
}

/// Has the controller forgotten who is logged in on the connection (ERROR_DS_OPERATIONS_ERROR after 000004DC)? It needs another bind.
pub(super) fn forgot_the_login(rc: u32, text: &str) -> bool {
    rc == 1 && leading_code(text) == Some(0x4dc)
}

/// AD's words for the log: on one line, bounded, and without values. Whatever may be a DN, a name or a quoted value is cut out: an answer that
/// an operator searches for has a code, a DSID and a problem, and names nobody.
pub fn readable(text: &str) -> String {
    let line = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    let line = line.map(|word| if word.contains(['@', '\\']) { "…" } else { word }).collect::<Vec<_>>().join(" ");
    // A DN has no end that could be told from the text after it. `<GUID=…>` and `<SID=…>` are the same kind.
    let line = match line.find(['=', '<']) {
        Some(sign) => {
            format!("{} …", line[..sign].trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-').trim_end())
        }
        None => line,
    };
    without_quoted(&line).chars().take(LONGEST_TEXT).collect()
}

/// Takes out what stands from the first opening quote to the last closing one.
fn without_quoted(line: &str) -> String {
    let is_quote = |c: char| matches!(c, '\'' | '"' | '`');
    let opening = line.char_indices().find(|(at, c)| is_quote(*c) && !line[..*at].ends_with(char::is_alphanumeric));
    let Some((from, _)) = opening else { return line.to_owned() };
    let to = line.rfind(is_quote).filter(|to| *to > from).map_or(line.len(), |to| to + 1);
    format!("{}…{}", &line[..from], &line[to..])
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
mod tests;
