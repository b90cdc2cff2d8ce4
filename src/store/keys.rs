//! One key for each purpose, all derived from the configured secret.

use std::fmt;

use data_encoding::HEXLOWER;
use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use subtle::ConstantTimeEq;

/// The machine gives no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this machine gives no random numbers")]
pub struct NoRandomness;

/// Keys of the service. Nothing of them can be printed.
#[derive(Clone)]
pub struct Keys {
    session_id: hmac::Key,
    session_data: hmac::Key,
    session_subject: hmac::Key,
    fingerprint: hmac::Key,
    form: hmac::Key,
    random: SystemRandom,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// Derives them by HMAC-SHA-256 with a label for each purpose (NIST SP 800-108 with one block).
    pub fn new(secret: &[u8; 32]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let key =
            |purpose: &str| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, format!("os2nykode 1 {purpose}").as_bytes()).as_ref());
        Self {
            session_id: key("session id"),
            session_data: key("session data"),
            session_subject: key("session subject"),
            fingerprint: key("fingerprint"),
            form: key("form"),
            random: SystemRandom::new(),
        }
    }

    /// Random bytes.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], NoRandomness> {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(bytes)
    }

    /// What a name that may not be stored is recognised by: 16 hexadecimal digits that nobody can compute without the secret.
    pub fn fingerprint(&self, name: &str) -> String {
        HEXLOWER.encode(&hmac::sign(&self.fingerprint, name.as_bytes()).as_ref()[..8])
    }

    /// The token of a form, bound to a session or to a browser: 64 hexadecimal digits.
    pub fn form_token(&self, binding: &str) -> String {
        HEXLOWER.encode(hmac::sign(&self.form, binding.as_bytes()).as_ref())
    }

    /// Is it the token of this binding? Takes the same time wherever it differs.
    pub fn verify_form_token(&self, binding: &str, token: &str) -> bool {
        self.form_token(binding).as_bytes().ct_eq(token.as_bytes()).into()
    }

    pub(super) fn session_id(&self, id: i128) -> String {
        HEXLOWER.encode(hmac::sign(&self.session_id, &id.to_be_bytes()).as_ref())
    }

    pub(super) fn session_subject(&self, account: &str) -> String {
        HEXLOWER.encode(hmac::sign(&self.session_subject, account.as_bytes()).as_ref())
    }

    pub(super) fn session_data(&self, id: i128) -> hmac::Tag {
        hmac::sign(&self.session_data, &id.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_for_its_own_binding_only() {
        let keys = Keys::new(&[7; 32]);
        let token = keys.form_token("one");
        assert!(keys.verify_form_token("one", &token));
        for wrong in ["", "x", &keys.form_token("two"), &Keys::new(&[8; 32]).form_token("one"), &token[1..]] {
            assert!(!keys.verify_form_token("one", wrong), "{wrong}");
        }
    }

    #[test]
    fn nothing_of_the_keys_is_printed() {
        assert_eq!(format!("{:?}", Keys::new(&[7; 32])), "Keys(…)");
    }
}
