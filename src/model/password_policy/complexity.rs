//! AD's complexity rule (MS-SAMR 3.1.1.7.2, "Password must meet complexity requirements").

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// At least three of five kinds: upper case, lower case, digit 0-9, other symbol, other letter (one without case).
pub(crate) fn enough_kinds(password: &str) -> bool {
    let mut kinds = [false; 5];
    for c in password.chars() {
        let kind = if c.is_uppercase() {
            0
        } else if c.is_lowercase() {
            1
        } else if c.is_ascii_digit() {
            2
        } else if c.general_category_group() == GeneralCategoryGroup::Letter {
            3
        } else if c.is_ascii_punctuation() {
            4
        } else {
            continue; // Windows is sure to count ASCII symbols only, and no blanks
        };
        kinds[kind] = true;
    }
    kinds.into_iter().filter(|k| *k).count() >= 3
}

/// AD refuses a password that contains the sAMAccountName (3 characters or more) or a part of displayName (3 or more, split at `, . - _ #`,
/// blank and tab), regardless of case.
pub(crate) fn holds_ad_name(password: &str, account_name: &str, display_name: Option<&str>) -> bool {
    let password = password.to_lowercase();
    let parts = display_name.into_iter().flat_map(|name| name.split([',', '.', '-', '_', '#', ' ', '\t']));
    std::iter::once(account_name).chain(parts).filter(|part| part.chars().count() >= 3).any(|part| password.contains(&part.to_lowercase()))
}
