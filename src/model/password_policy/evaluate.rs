//! Evaluation of a new password against a policy.

use jiff::{Timestamp, tz::TimeZone};

use crate::model::password_policy::{
    BrokenRule, Contradiction, PasswordPolicy, complexity,
    fold::{contains_folded, contains_name},
    typeable::first_untypeable,
};
use crate::model::{
    account::Account,
    credential::password::Password,
    guessability::{Judgement, Known, judge},
};

/// A new password with its context.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    pub new: &'a Password,
    /// The current password, if typed.
    pub current: Option<&'a Password>,
    /// The account that gets the password.
    pub account: &'a Account,
    pub now: Timestamp,
}

/// The rules that the candidate breaks, in display order; empty = it may be sent to AD. History is left to AD. Characters are Unicode
/// scalar values; AD counts UTF-16 units, which are never fewer.
pub fn evaluate(policy: &PasswordPolicy, candidate: Candidate<'_>) -> Vec<BrokenRule> {
    let text = candidate.new.expose();
    let account = candidate.account;
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let mut broken = Vec::new();
    if length < policy.min_length {
        broken.push(BrokenRule::TooShort(policy.min_length));
    }
    broken.extend(policy.max_length.filter(|max| length > *max).map(BrokenRule::TooLong));
    if policy.complexity && !complexity::enough_kinds(text) {
        broken.push(BrokenRule::NotComplex);
    }
    if policy.letters && !text.chars().any(char::is_alphabetic) {
        broken.push(BrokenRule::NoLetter);
    }
    if policy.upper_and_lower && !(text.chars().any(char::is_uppercase) && text.chars().any(char::is_lowercase)) {
        broken.push(BrokenRule::NotUpperAndLower);
    }
    if policy.digits && !text.chars().any(|c| c.is_ascii_digit()) {
        broken.push(BrokenRule::NoDigit);
    }
    if policy.special && !text.chars().any(is_special) {
        broken.push(BrokenRule::NoSpecial);
    }
    let ad_name = policy.complexity && complexity::holds_ad_name(text, &account.sam, account.display_name.as_deref());
    if ad_name || (policy.no_names && holds_name(text, account)) {
        broken.push(BrokenRule::HoldsName);
    }
    broken.extend(policy.forbidden_words.iter().find(|w| contains_folded(text, w)).cloned().map(BrokenRule::HoldsForbiddenWord));
    if let Some(allowed) = &policy.allowed {
        broken.extend(text.chars().find(|c| !allowed.contains(c)).map(BrokenRule::CharacterNotAllowed));
    }
    broken.extend(first_untypeable(text).map(|_| BrokenRule::NotTypeable));
    if candidate.current == Some(candidate.new) {
        broken.push(BrokenRule::SameAsCurrent);
    }
    broken.extend(guessable(policy, candidate));
    broken.extend(changeable_at(policy, account).filter(|at| candidate.now < *at).map(BrokenRule::TooYoung));
    broken
}

/// Judges a new password by what is known of the person.
pub fn judgement(policy: &PasswordPolicy, candidate: Candidate<'_>) -> Judgement {
    let account = candidate.account;
    let names = [account.display_name.as_deref(), account.given_name.as_deref(), account.surname.as_deref(), account.upn.as_deref()];
    let attributes: Vec<&str> =
        names.into_iter().flatten().chain([account.sam.as_str()]).chain(account.contact_details.iter().map(String::as_str)).collect();
    let known = Known {
        attributes: &attributes,
        old: candidate.current.map(Password::expose),
        local: &policy.local_words,
        year: i32::from(candidate.now.to_zoned(TimeZone::UTC).year()),
    };
    judge(candidate.new.expose(), known)
}

fn guessable(policy: &PasswordPolicy, candidate: Candidate<'_>) -> Option<BrokenRule> {
    if policy.min_guesses == 0 || candidate.current == Some(candidate.new) {
        return None; // the same password is refused for that reason
    }
    let judgement = judgement(policy, candidate);
    (!judgement.withstands(log10(policy.min_guesses))).then_some(BrokenRule::Guessable(judgement.reasons))
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a logarithm needs only the first digits")]
fn log10(guesses: u64) -> f32 {
    (guesses.max(1) as f64).log10() as f32
}

/// The time from which AD accepts another change; `None` = at once. A password that must be changed has no minimum age.
pub fn changeable_at(policy: &PasswordPolicy, account: &Account) -> Option<Timestamp> {
    let last_set = account.password.last_set?;
    last_set.checked_add(policy.min_age?).ok()
}

/// Neither letter, digit, blank nor control character.
pub(crate) fn is_special(c: char) -> bool {
    !c.is_alphanumeric() && !c.is_whitespace() && !c.is_control()
}

/// True if the password contains one of the person's names or the account name; words of fewer than 3 characters are ignored.
fn holds_name(password: &str, account: &Account) -> bool {
    let names = [account.display_name.as_deref(), account.given_name.as_deref(), account.surname.as_deref()];
    let words = names.into_iter().flatten().flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
    let upn_user = account.upn.as_deref().and_then(|upn| upn.split('@').next());
    words.chain([account.sam.as_str()]).chain(upn_user).filter(|w| w.chars().count() >= 3).any(|w| contains_name(password, w))
}

pub(crate) fn contradiction(policy: &PasswordPolicy) -> Option<Contradiction> {
    if let Some(max) = policy.max_length.filter(|max| policy.min_length > *max) {
        return Some(Contradiction::Length { min: policy.min_length, max });
    }
    // A character without a pattern takes a hundred guesses at most.
    if let Some(max) = policy.max_length.filter(|max| log10(policy.min_guesses) > 2.0 * f32::from(u16::try_from(*max).unwrap_or(u16::MAX)))
    {
        return Some(Contradiction::Guesses { min_guesses: policy.min_guesses, max });
    }
    let allowed = policy.allowed.as_ref()?;
    let lacks = |wanted: bool, is: fn(char) -> bool| wanted && !allowed.iter().any(|c| is(*c));
    let missing = [
        (policy.letters, char::is_alphabetic as fn(char) -> bool, "letters"),
        (policy.upper_and_lower, char::is_uppercase, "upper_and_lower"),
        (policy.upper_and_lower, char::is_lowercase, "upper_and_lower"),
        (policy.digits, |c| c.is_ascii_digit(), "digits"),
        (policy.special, is_special, "special"),
    ]
    .into_iter()
    .find_map(|(wanted, is, code)| lacks(wanted, is).then_some(Contradiction::Allowed(code)));
    if allowed.is_empty() { Some(Contradiction::Allowed("allowed")) } else { missing }
}
