//! Login names as typed by users.

use crate::model::{
    account::Account,
    ad::dn::{Dn, dns_name},
};

/// A login name as typed, parsed once. AD compares names without regard to case; only [`LoginName::key`] folds case here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginName {
    /// `kim` or `DOMAIN\kim`: sAMAccountName, with the NetBIOS name of the domain if one was typed.
    Sam {
        /// NetBIOS name of the domain, in front of the backslash.
        domain: Option<String>,
        /// sAMAccountName.
        name: String,
    },
    /// `kim@skole.dk`: userPrincipalName with any suffix of the forest.
    Upn(String),
}

impl LoginName {
    /// Limit of a UPN in AD (attribute rangeUpper). Longer texts are refused.
    pub const MAX_CHARS: usize = 1024;

    /// Drops surrounding blanks and invisible characters, which come from pasting out of a mail or a document. `None` if the rest is empty,
    /// too long, holds control characters, or is empty on one side of `\` or `@`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 4 * 2 * Self::MAX_CHARS {
            return None; // bounds the work: four bytes a character, and as many invisible ones
        }
        let text: String = text.chars().filter(|c| !is_invisible(*c)).collect();
        let text = text.trim();
        if text.is_empty() || text.chars().count() > Self::MAX_CHARS || text.chars().any(char::is_control) {
            return None;
        }
        if let Some((domain, name)) = text.split_once('\\') {
            let whole = !domain.is_empty() && !name.is_empty() && !name.contains(['\\', '@']);
            return whole.then(|| Self::Sam { domain: Some(domain.to_owned()), name: name.to_owned() });
        }
        match text.rsplit_once('@') {
            Some((user, suffix)) if user.is_empty() || suffix.is_empty() => None,
            Some(_) => Some(Self::Upn(text.to_owned())),
            None => Some(Self::Sam { domain: None, name: text.to_owned() }),
        }
    }

    /// The key of rate limits: the name in lower case without its domain or suffix. The spellings of one account share one count. Names
    /// without an account have a key too.
    pub fn key(&self) -> String {
        let local = match self {
            Self::Sam { name, .. } => name.as_str(),
            Self::Upn(upn) => upn.rsplit_once('@').map_or(upn.as_str(), |(user, _)| user),
        };
        local.to_lowercase()
    }
}

/// True if `name` from the configuration (a DN, a UPN, `DOMAIN\name` or a sAMAccountName) names the account. The domain in front of a
/// backslash is not compared.
pub fn names_account(name: &str, account: &Account, base_dn: &str) -> bool {
    let name = name.trim();
    if name.contains('=') {
        return matches!((Dn::parse(name), Dn::parse(&account.dn)), (Ok(named), Ok(own)) if named == own);
    }
    match LoginName::parse(name) {
        Some(LoginName::Sam { name, .. }) => folded(&name) == folded(&account.sam),
        Some(LoginName::Upn(upn)) => {
            let implicit = format!("{}@{}", account.sam, dns_name(base_dn));
            folded(&upn) == folded(&implicit) || account.upn.as_deref().is_some_and(|own| folded(own) == folded(&upn))
        }
        None => false,
    }
}

fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// Invisible characters and characters that change the direction of text. They serve only to make one name look like another.
pub fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}'
    )
}

#[cfg(test)]
mod tests {
    use crate::model::account::name::*;

    fn sam(domain: Option<&str>, name: &str) -> LoginName {
        LoginName::Sam { domain: domain.map(str::to_owned), name: name.to_owned() }
    }

    #[test]
    fn the_three_spellings_are_told_apart() {
        assert_eq!(LoginName::parse(" anna "), Some(sam(None, "anna")));
        assert_eq!(LoginName::parse(r"KOMMUNE\anna"), Some(sam(Some("KOMMUNE"), "anna")));
        assert_eq!(LoginName::parse("anna@skole.test"), Some(LoginName::Upn("anna@skole.test".into())));
        assert_eq!(LoginName::parse("søren(*)"), Some(sam(None, "søren(*)")));
    }

    #[test]
    fn what_is_pasted_along_with_a_name_is_dropped() {
        for text in ["\u{200B}anna", "anna\u{FEFF}", "\u{202A}anna\u{202C}", "an\u{AD}na", "\u{A0}anna\u{2003}", "\u{200E} anna \u{200F}"] {
            assert_eq!(LoginName::parse(text), Some(sam(None, "anna")), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        for text in ["", "  ", "\u{200B}", r"\anna", r"KOMMUNE\", r"a\b\c", r"a\b@c", "@skole.test", "anna@", "an\0na", "an\nna"] {
            assert_eq!(LoginName::parse(text), None, "{text:?}");
        }
        assert_eq!(LoginName::parse(&"x".repeat(1025)), None);
    }

    #[test]
    fn all_spellings_of_a_name_share_one_key() {
        for text in ["Anna", r"KOMMUNE\ANNA", "anna@skole.test", "ANNA@kommune.test"] {
            assert_eq!(LoginName::parse(text).expect("a name").key(), "anna", "{text}");
        }
    }
}
